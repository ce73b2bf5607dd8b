//! A scan of the record headers that arrive, beside rustls: it swallows warnings, and it does not say
//! whether anything of TLS came at all.

/// Follows a stream of TLS records by their headers.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: Vec<u8>,
    /// The begin of an alert that is not encrypted.
    body: Vec<u8>,
    length: usize,
    left: usize,
    /// A handshake record has begun.
    pub(super) handshake: bool,
    /// A whole alert record has come, whatever it says.
    pub(super) alert: bool,
    /// Alerts of warning level in clear, without close_notify.
    pub(super) warnings: Vec<u8>,
    /// The stream is no TLS; nothing more is read from it.
    lost: bool,
}

impl Records {
    /// Something of TLS has come.
    pub(super) fn is_tls(&self) -> bool {
        self.handshake || self.alert
    }

    /// No record is half there.
    pub(super) fn is_between(&self) -> bool {
        self.left == 0 && self.header.is_empty()
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !self.lost && !bytes.is_empty() {
            let wanted = match self.left {
                0 => HEADER - self.header.len(),
                left => left,
            };
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            bytes = later;
            if self.left == 0 {
                self.header.extend(now);
                if self.header.len() == HEADER {
                    self.begin();
                }
                continue;
            }
            self.left -= now.len();
            if self.kind() == ALERT && self.length == CLEAR_ALERT {
                self.body.extend(now);
            }
            if self.left == 0 {
                self.finish();
            }
        }
    }

    fn begin(&mut self) {
        let &[kind, major, _, high, low] = self.header.as_slice() else {
            return;
        };
        if !(CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&kind) || major != 3 {
            self.lost = true;
            return;
        }
        self.handshake |= kind == HANDSHAKE;
        self.length = usize::from(u16::from_be_bytes([high, low]));
        self.left = self.length;
        self.body.clear();
        if self.left == 0 {
            self.header.clear();
        }
    }

    fn finish(&mut self) {
        self.alert |= self.kind() == ALERT;
        if let &[WARNING, description] = self.body.as_slice()
            && description != CLOSE_NOTIFY
            && self.warnings.len() < MOST_WARNINGS
        {
            self.warnings.push(description);
        }
        self.header.clear();
    }

    fn kind(&self) -> u8 {
        self.header.first().copied().unwrap_or_default()
    }
}

const HEADER: usize = 5;
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CLEAR_ALERT: usize = 2;
const WARNING: u8 = 1;
const CLOSE_NOTIFY: u8 = 0;
const MOST_WARNINGS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_seen_wherever_the_bytes_are_cut() {
        let stream = [
            22, 3, 3, 0, 3, 9, 9, 9, 21, 3, 3, 0, 2, 1, 112, 21, 3, 3, 0, 2, 1, 0,
        ];
        for cut in 0..stream.len() {
            let mut records = Records::default();
            let (begin, rest) = stream.split_at(cut);
            records.feed(begin);
            records.feed(rest);
            assert_eq!(records.warnings, [112], "cut at {cut}");
            assert!(records.handshake && records.alert);
        }
    }

    #[test]
    fn other_protocols_are_not_tls() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"SSH-2.0-OpenSSH_9.2\r\n",
            &[0; 64],
        ] {
            let mut records = Records::default();
            records.feed(bytes);
            assert!(!records.is_tls());
        }
    }

    #[test]
    fn an_encrypted_alert_is_not_read() {
        let mut records = Records::default();
        records.feed(&[21, 3, 3, 0, 26]);
        records.feed(&[1; 26]);
        assert!(records.alert && records.warnings.is_empty());
    }
}
