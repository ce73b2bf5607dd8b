//! An HTTPS server on s2n-tls. After a failure it does as s2n does by default: it stays silent for a
//! random while before it closes.
//!
//! `grid-s2n VERSION(1.2|1.3) CHAIN KEY ROOTS required|optional`
//!
//! It prints `LISTENING 127.0.0.1:PORT`, and ends when its standard input does.
#![expect(
    clippy::disallowed_methods,
    reason = "whoever started it is gone: nothing is left to write"
)]

use std::env::args;
use std::error::Error;
use std::{fs, io, process, thread};

use s2n_tls::callbacks::VerifyHostNameCallback;
use s2n_tls::config::Config;
use s2n_tls::enums::ClientAuthType;
use s2n_tls::security::Policy;
use s2n_tls_tokio::TlsAcceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = args().skip(1).collect();
    let [version, chain, key, roots, demand] = &arguments[..] else {
        return Err("usage: VERSION CHAIN KEY ROOTS required|optional".into());
    };
    let mut config = Config::builder();
    config.set_security_policy(&Policy::from_version(policy(version))?)?;
    config.load_pem(&fs::read(chain)?, &fs::read(key)?)?;
    config.wipe_trust_store()?;
    config.trust_pem(&fs::read(roots)?)?;
    config.set_verify_host_callback(AnyName)?;
    config.set_client_auth_type(match demand.as_str() {
        "optional" => ClientAuthType::Optional,
        _ => ClientAuthType::Required,
    })?;
    let acceptor = TlsAcceptor::new(config.build()?);

    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        process::exit(0);
    });
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("LISTENING {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(acceptor.clone(), stream));
        }
    })
}

async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut stream = acceptor.accept(stream).await?;
    if stream.read(&mut [0; 4096]).await? > 0 {
        stream.write_all(REPLY).await?;
        stream.shutdown().await?;
    }
    Ok(())
}

/// Policies of one version alone. Their signature schemes are those of s2n's default.
fn policy(version: &str) -> &'static str {
    match version {
        "1.2" => "20240502",
        _ => "CloudFront-Upstream-TLS-1-3-2025",
    }
}

/// Clients are known by their URIs, not by host names.
struct AnyName;

impl VerifyHostNameCallback for AnyName {
    fn verify_host_name(&self, _: &str) -> bool {
        true
    }
}

const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
