//! Looks for secrets in whatever a program leaves behind, however they are written there.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::mesh::Secret;

/// What is looked for.
pub(crate) struct Needles(Vec<Needle>);

struct Needle {
    what: String,
    text: String,
    is_in: Hay,
}

/// Where it would stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hay {
    /// As it is.
    Plain,
    /// Without what separates lines, bytes and numbers.
    Squeezed,
    /// The same in small letters.
    Small,
}

impl Needles {
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a Secret)>) -> Self {
        let mut needles = Self(vec![]);
        // Whatever the kind, its DER begins so; errors name the lines around it.
        needles.add("a private key in PEM", "PRIVATEKEY-----M", Hay::Squeezed);
        needles.add("a token", "eyJhbGciOi", Hay::Plain);
        needles.bytes("the begin of a private key", P256_KEY);
        for (what, secret) in secrets {
            match secret {
                Secret::Key(pem) => needles.key(what, pem),
                Secret::Word(word) => {
                    needles.word(what, word);
                    if let Some((_, signature)) = word.rsplit_once('.') {
                        needles.parts(&format!("the signature of {what}"), signature);
                    }
                }
            }
        }
        needles
    }

    fn key(&mut self, what: &str, pem: &str) {
        for line in pem.lines().filter(|line| !line.starts_with("-----")) {
            // As it is, and encoded once more as in a kubeconfig or a Secret.
            self.word(what, line);
        }
        let der = pem::parse(pem).unwrap().into_contents();
        self.bytes(what, &der);
        let (half, other) = scalar(&der).split_at(16);
        self.bytes(what, half);
        self.bytes(what, other);
    }

    /// Whatever shows twice as much of it shows one of these.
    fn parts(&mut self, what: &str, text: &str) {
        let most = text.len() - PART;
        for begin in (0..most).step_by(PART).chain([most]) {
            self.add(what, &text[begin..begin + PART], Hay::Plain);
        }
    }

    fn word(&mut self, what: &str, word: &str) {
        self.add(what, word, Hay::Plain);
        self.bytes(what, word.as_bytes());
    }

    /// Raw, in hexadecimal, as numbers, and in base64 wherever it begins.
    fn bytes(&mut self, what: &str, bytes: &[u8]) {
        self.add(what, &latin(bytes), Hay::Plain);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.add(what, &hex, Hay::Small);
        let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
        self.add(what, &numbers.join(","), Hay::Squeezed);
        for before in 0..3 {
            let padded = [&[0; 2][..before.min(2)], bytes].concat();
            for encoded in [
                STANDARD_NO_PAD.encode(&padded),
                URL_SAFE_NO_PAD.encode(&padded),
            ] {
                // What depends on the neighbours is left out.
                let inner = &encoded[(before * 4).div_ceil(3)..encoded.len() - 2];
                self.add(what, inner, Hay::Squeezed);
            }
        }
    }

    fn add(&mut self, what: &str, text: &str, is_in: Hay) {
        self.0.push(Needle {
            what: what.to_owned(),
            text: text.to_owned(),
            is_in,
        });
    }

    /// What is found, each with what stands before it.
    pub(crate) fn found(&self, hay: &[u8]) -> Vec<String> {
        let plain = latin(hay);
        let squeezed = plain.replace("\\n", "");
        let squeezed = squeezed.replace([' ', '\n', '\r', '\t', ':', '|'], "");
        let small = squeezed.to_lowercase();
        let found = self.0.iter().filter_map(|needle| {
            let hay = match needle.is_in {
                Hay::Plain => &plain,
                Hay::Squeezed => &squeezed,
                Hay::Small => &small,
            };
            let at = hay.find(&needle.text)?;
            let before: Vec<_> = hay[..at].chars().rev().take(100).collect();
            let before: String = before.into_iter().rev().collect();
            Some(format!("{} after {before:?}", needle.what))
        });
        found.collect()
    }

    /// The same for everything below a folder, with the names of the files.
    pub(crate) fn below(&self, folder: &Path) -> Vec<String> {
        let mut all = vec![];
        for path in files(folder) {
            let name = path.display().to_string();
            let hay = [name.as_bytes(), b"\n", &fs::read(&path).unwrap()].concat();
            let found = self.found(&hay);
            all.extend(found.iter().map(|what| format!("in {name}: {what}")));
        }
        all
    }
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all.sort();
    all
}

/// The secret number in a PKCS#8 key of P-256.
pub(crate) fn scalar(der: &[u8]) -> &[u8] {
    let begin = [2, 1, 1, 4, 32];
    let at = der.windows(5).position(|part| part == begin).unwrap();
    &der[at + 5..at + 37]
}

/// Each byte a character, so that anything is text.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

const PART: usize = 24;
/// In PKCS#8 the name of the curve is followed by the key, in a certificate by a public key.
const P256_KEY: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 4];
