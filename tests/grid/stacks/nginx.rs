//! nginx: the HTTP server, and the stream module in front of a plain one.

use std::fmt::Write as _;
use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, backend, free_port, version_of};

pub(crate) const STACKS: &[Stack] = &[
    Stack {
        name: "nginx",
        about: "ssl_verify_client on",
        version,
        start: |wish| {
            let listen = "location / { default_type text/plain; return 200 \"ok\\n\"; }";
            start(wish, "http", listen)
        },
    },
    Stack {
        name: "nginx-stream",
        about: "stream module, ssl_verify_client on, proxy_pass",
        version,
        start: |wish| match wish.role {
            // Its one server takes any name.
            Role::StrictSni => None,
            Role::StrictAlpn => start(
                wish,
                "stream",
                &format!("ssl_alpn http/1.1; proxy_pass {};", backend()),
            ),
            _ => start(wish, "stream", &format!("proxy_pass {};", backend())),
        },
    },
];

fn version() -> Result<String, String> {
    version_of("nginx", &["-v"])
        .map_err(|why| why + ": apt-get install nginx-light libnginx-mod-stream")
}

fn start(wish: &Wish<'_>, kind: &str, answer: &str) -> Option<Server> {
    let port = free_port();
    let server = match wish.role {
        Role::Plaintext => format!("server {{ listen 127.0.0.1:{port}; {answer} }}\n"),
        // Whoever says another name in `Host` than in SNI gets 421, before its certificate is looked at.
        Role::StrictSni => format!(
            "server {{ listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on; }}\n\
             server {{ listen 127.0.0.1:{port} ssl; server_name server.test; {answer} }}\n"
        ),
        _ => format!("server {{ listen 127.0.0.1:{port} ssl; {answer} }}\n"),
    };
    let mut configuration = String::new();
    if kind == "stream" {
        configuration.push_str("load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n");
    }
    // One process alone, so that nothing is left when it is killed.
    configuration.push_str("daemon off; master_process off; pid pid; error_log stderr;\n");
    configuration.push_str("events { worker_connections 1024; }\n");
    let _ = writeln!(configuration, "{kind} {{");
    if kind == "http" {
        configuration.push_str("access_log off;\n");
        for of in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            let _ = writeln!(configuration, "{of}_temp_path {of};");
        }
    }
    configuration.push_str(&settings(wish));
    let _ = writeln!(configuration, "{server}}}");
    let file = wish.write("nginx.conf", &configuration);

    let mut command = Command::new("nginx");
    command.arg("-p").arg(wish.folder).arg("-c").arg(file);
    command.args(["-e", "stderr"]);
    Some(Server::at(port, command, wish.folder))
}

fn settings(wish: &Wish<'_>) -> String {
    let (chain, key) = wish.own();
    let mut settings = format!(
        "ssl_certificate {};\nssl_certificate_key {};\nssl_client_certificate {};\nssl_verify_depth 5;\n",
        chain.display(),
        key.display(),
        wish.kit.path("roots.pem").display()
    );
    settings.push_str(match wish.tls {
        Tls::V12 => "ssl_protocols TLSv1.2;\n",
        Tls::V13 => "ssl_protocols TLSv1.3;\n",
    });
    settings.push_str(match wish.role {
        Role::Optional => "ssl_verify_client optional;\n",
        _ => "ssl_verify_client on;\n",
    });
    match (wish.role, wish.tls) {
        (Role::Crl, _) => {
            let _ = writeln!(settings, "ssl_crl {};", wish.kit.path("crl.pem").display());
        }
        (Role::ForeignCipher, Tls::V12) => {
            settings.push_str("ssl_ciphers ECDHE-ECDSA-AES128-SHA;\n");
        }
        (Role::ForeignCipher, Tls::V13) => {
            settings.push_str("ssl_conf_command Ciphersuites TLS_AES_128_CCM_SHA256;\n");
        }
        _ => {}
    }
    settings
}
