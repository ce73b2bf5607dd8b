//! Tokens, asked for through `kubectl proxy`, which needs no TLS. The rest is in `tests/sources`.

use std::io::Write;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_token_is_asked_for_its_one_audience_and_the_shortest_time() {
    let (asked, token, walk) = ask_for_token(
        "201 Created",
        r#"{"kind": "TokenRequest", "spec": {"audiences": ["istio-ca"], "expirationSeconds": 600},
            "status": {"token": "a.b.c", "expirationTimestamp": "2026-01-01T00:10:00Z"}}"#,
    )
    .await;
    assert_eq!(token.unwrap().as_str(), "a.b.c");
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let path = "/api/v1/namespaces/default/serviceaccounts/frontend/token";
    assert!(
        head.starts_with(&format!("POST {path} HTTP/1.1\r\n")),
        "{head}"
    );
    let body: Value = serde_json::from_str(body).unwrap();
    let spec = json!({ "audiences": ["istio-ca"], "expirationSeconds": 600 });
    assert_eq!(body["spec"], spec);
    // Whoever asked looks into the token, and says what it is.
    let [(Step::Cluster, reached)] = walk.steps() else {
        panic!("{walk:?}");
    };
    assert!(
        reached.starts_with("context proxy, http://127.0.0.1:"),
        "{reached}"
    );
}

#[tokio::test]
async fn what_is_no_token_is_not_taken_for_one() {
    for (status, body, words) in [
        (
            "200 OK",
            r#"{"spec": {"audiences": []}, "status": null}"#,
            "without a token",
        ),
        (
            "200 OK",
            r#"{"spec": {"audiences": []}, "status": {"token": "", "expirationTimestamp": "2026-01-01T00:10:00Z"}}"#,
            "without a token",
        ),
        ("200 OK", "", "answers with nothing"),
        ("200 OK", r#"{"spec": {"#, "is cut short"),
        (
            "404 Not Found",
            "404 page not found",
            "does not know what a service account is",
        ),
    ] {
        let (_, token, _) = ask_for_token(status, body).await;
        let error = token.unwrap_err();
        assert_eq!(error.step(), Some(Step::Token));
        let begin = "the token of default/frontend cannot serve us (token): ";
        assert!(error.to_string().starts_with(begin), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

async fn ask_for_token(
    status: &str,
    body: &str,
) -> (String, Result<Zeroizing<String>, IdentityError>, Walk) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
    let proxy = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = vec![];
        while !asked.ends_with(b"}}") {
            assert_ne!(socket.read_buf(&mut asked).await.unwrap(), 0);
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    let mut kubeconfig = tempfile::NamedTempFile::new().unwrap();
    let text = json!({
        "current-context": "proxy",
        "clusters": [{ "name": "c", "cluster": { "server": format!("http://{address}") } }],
        "contexts": [{ "name": "proxy", "context": { "cluster": "c", "user": "u" } }],
    });
    kubeconfig.write_all(text.to_string().as_bytes()).unwrap();
    let cluster = Cluster {
        kubeconfig: Some(kubeconfig.path().to_owned()),
        context: None,
    };
    let account = Account {
        namespace: "default".to_owned(),
        name: "frontend".to_owned(),
    };
    let mut walk = Walk::default();
    let token = token(&account, Some("istio-ca"), &cluster, &mut walk).await;
    (proxy.await.unwrap(), token, walk)
}
