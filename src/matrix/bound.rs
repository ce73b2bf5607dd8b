//! Bounds for what peers send: every text and every list of a result is cut to one, visibly.

use super::{Cell, Certificate, Matrix};

/// The longest text of a bounded result, in bytes.
pub const MAX_TEXT: usize = 4096;
/// The longest list of a bounded result.
pub const MAX_LIST: usize = 256;

impl Matrix {
    /// The same with every text and every list cut to a bound, visibly: peers decide how much they
    /// send. The number of cells is ours and stays.
    pub fn bounded(mut self) -> Self {
        self.cells = self.cells.into_iter().map(Cell::bounded).collect();
        for target in &mut self.targets {
            cut_texts(&mut target.addresses);
            cut_texts(&mut target.evidence);
            for found in &mut target.dialects {
                cut_texts(&mut found.addresses);
                cut_texts(&mut found.evidence);
            }
            for port in &mut target.ports {
                cut_texts(&mut port.evidence);
            }
        }
        for source in &mut self.sources {
            cut(&mut source.name);
            source.id.iter_mut().for_each(cut);
            source.chain.truncate(MAX_LIST);
            let certificates = source.chain.iter_mut().chain(&mut source.root);
            certificates.for_each(Certificate::cut);
        }
        for finding in &mut self.findings {
            cut(&mut finding.about);
            cut(&mut finding.message);
            cut(&mut finding.fix);
        }
        self
    }
}

impl Cell {
    /// The same with every text and every list cut to a bound, visibly.
    pub fn bounded(mut self) -> Self {
        let texts = [&mut self.from, &mut self.to, &mut self.address];
        texts.into_iter().for_each(cut);
        self.from_id.iter_mut().for_each(cut);
        self.expected.iter_mut().for_each(cut);
        cut_texts(&mut self.evidence);
        for face in &mut self.attempts.faces {
            [&mut face.serial, &mut face.issuer]
                .into_iter()
                .for_each(cut);
            cut_texts(&mut face.ca_hints);
        }
        // The most frequent come first.
        self.attempts.faces.truncate(MAX_LIST);
        if let Some(tls) = &mut self.tls {
            let texts = [&mut tls.cipher, &mut tls.group, &mut tls.alpn, &mut tls.sni];
            texts.into_iter().flatten().for_each(cut);
        }
        if let Some(server) = &mut self.server {
            server.id.iter_mut().for_each(cut);
            let surplus = server.chain.len().saturating_sub(MAX_LIST);
            if surplus > 0 {
                server.chain.truncate(MAX_LIST);
                server
                    .evidence
                    .insert(0, format!("{surplus} more certificates are left out here"));
            }
            cut_texts(&mut server.evidence);
            cut_texts(&mut server.ca_hints);
            let certificates = server.chain.iter_mut().chain(&mut server.root);
            certificates.for_each(Certificate::cut);
        }
        if let Some(http) = &mut self.http {
            http.server.iter_mut().for_each(cut);
            if let Some(upstream) = &mut http.upstream {
                cut(&mut upstream.reason);
                upstream.detail.iter_mut().for_each(cut);
            }
        }
        self
    }
}

impl Certificate {
    fn cut(&mut self) {
        cut(&mut self.subject);
        cut(&mut self.issuer);
        cut(&mut self.serial);
        cut_texts(&mut self.uris);
        cut_texts(&mut self.dns);
    }
}

/// The text, cut visibly where it is longer than so many bytes.
pub fn bounded(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub(CUT.len());
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= room;
    let kept = text.char_indices().take_while(fits).map(|(_, c)| c);
    kept.chain(CUT.chars()).collect()
}

const CUT: &str = "…";

fn cut(text: &mut String) {
    if text.len() > MAX_TEXT {
        *text = bounded(text, MAX_TEXT);
    }
}

fn cut_texts(texts: &mut Vec<String>) {
    let surplus = texts.len().saturating_sub(MAX_LIST);
    if surplus > 0 {
        texts.truncate(MAX_LIST - 1);
        texts.push(format!("{CUT} and {} more", surplus + 1));
    }
    texts.iter_mut().for_each(cut);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_visibly() {
        for (text, max, want) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abc…"),
            ("aüüü", 6, "aü…"),
            ("üüüü", 6, "ü…"),
            ("", 0, ""),
        ] {
            assert_eq!(bounded(text, max), want);
        }
    }
}
