//! Erlang/OTP: its `ssl` application, in a server of ours.

use std::process::Command;

use crate::stack::{Role, Server, Stack, Tls, Wish, source};

pub(crate) const STACKS: &[Stack] = &[Stack {
    name: "erlang",
    about: "verify_peer, fail_if_no_peer_cert",
    version,
    start,
}];

fn version() -> Result<String, String> {
    let say = "application:load(ssl), {ok, Of} = application:get_key(ssl, vsn), \
               io:format(\"OTP ~s, ssl ~s\", [erlang:system_info(otp_release), Of]), halt().";
    let said = Command::new("erl")
        .args(["-noshell", "-eval", say])
        .output();
    match said {
        Ok(said) if said.status.success() => Ok(String::from_utf8_lossy(&said.stdout).into_owned()),
        _ => Err("there is no `erl` with `ssl` here: apt-get install erlang-ssl".to_owned()),
    }
}

fn start(wish: &Wish<'_>) -> Option<Server> {
    let (kit, (chain, key)) = (wish.kit, wish.own());
    let mut command = Command::new("escript");
    command.arg(source("erlang.escript"));
    command.arg(match wish.tls {
        Tls::V12 => "1.2",
        Tls::V13 => "1.3",
    });
    command.args([chain, key, kit.path("roots.pem")]);
    match (wish.role, wish.tls) {
        // It serves names that it does not know.
        (Role::StrictSni | Role::Plaintext, _) => return None,
        (Role::Optional, _) => command.arg("optional"),
        (Role::Crl, _) => command.arg(format!("crl={}", kit.path("crl.pem").display())),
        (Role::StrictAlpn, _) => command.arg("alpn=http/1.1"),
        (Role::ForeignCipher, Tls::V12) => command.arg("cipher=ECDHE-ECDSA-AES128-SHA"),
        (Role::ForeignCipher, Tls::V13) => command.arg("cipher=TLS_AES_128_CCM_SHA256"),
        _ => &mut command,
    };
    Some(Server::telling("LISTENING ", command, wish.folder))
}
