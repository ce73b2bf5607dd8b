//! Our flight of TLS 1.2, cut behind the Certificate: a server that closes with our bytes unread sends
//! a reset after its alert, and a relay may pass the reset on first.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// How much of our flight has gone out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Flight {
    /// None of it.
    #[default]
    Ahead,
    /// So many bytes of the Certificate are still to go.
    Certificate(usize),
    /// The Certificate; the rest is held back.
    Held,
    /// Whatever there was to go.
    Whole,
}

impl Flight {
    /// What may go out now of these records, the first of which may have gone out in part. Nothing is
    /// cut here: all of them may.
    pub(super) fn first<'a>(&mut self, records: &'a [IoSlice<'_>]) -> Option<&'a [u8]> {
        if *self == Self::Ahead {
            *self = match certificate(records) {
                0 => Self::Whole,
                length => Self::Certificate(length),
            };
        }
        let Self::Certificate(left) = *self else {
            return None;
        };
        let record = records.iter().find(|record| !record.is_empty())?;
        record.get(..left).or(Some(record))
    }

    /// These many bytes have gone out.
    pub(super) fn wrote(&mut self, bytes: usize) {
        if let Self::Certificate(left) = *self {
            *self = match left.saturating_sub(bytes) {
                0 => Self::Held,
                left => Self::Certificate(left),
            };
        }
    }

    /// There is no more reason to wait.
    pub(super) fn release(&mut self) {
        if *self == Self::Held {
            *self = Self::Whole;
        }
    }
}

/// What rustls writes into: the socket, as far as it takes bytes now.
pub(super) struct Out<'a, 'b> {
    pub(super) tcp: &'a mut TcpStream,
    pub(super) cx: &'a mut Context<'b>,
    /// Nothing before TLS 1.2 is chosen.
    pub(super) flight: Option<&'a mut Flight>,
}

impl Out<'_, '_> {
    fn now(polled: Poll<io::Result<usize>>) -> io::Result<usize> {
        match polled {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Out<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::now(Pin::new(&mut *self.tcp).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(flight) = &mut self.flight
            && let Some(first) = flight.first(parts)
        {
            let written = Self::now(Pin::new(&mut *self.tcp).poll_write(self.cx, first))?;
            flight.wrote(written);
            return Ok(written);
        }
        Self::now(Pin::new(&mut *self.tcp).poll_write_vectored(self.cx, parts))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The length of the records that a Certificate in clear takes up, if they begin with one.
fn certificate(records: &[IoSlice<'_>]) -> usize {
    let mut length = 0;
    let mut message = None;
    for record in records {
        let Some((header, body)) = record.split_first_chunk::<HEADER>() else {
            return 0;
        };
        let left = match (message, header, body) {
            (Some(left), [HANDSHAKE, ..], _) => left,
            (None, [HANDSHAKE, ..], &[CERTIFICATE, high, middle, low, ..]) => {
                MESSAGE_HEADER + u32::from_be_bytes([0, high, middle, low]) as usize
            }
            (_, _, _) => return 0,
        };
        length += record.len();
        match left.saturating_sub(body.len()) {
            0 => return length,
            left => message = Some(left),
        }
    }
    0
}

const HEADER: usize = 5;
const HANDSHAKE: u8 = 22;
const CERTIFICATE: u8 = 11;
const MESSAGE_HEADER: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_goes_ahead_alone_however_little_the_socket_takes() {
        for records in [
            [certificate_of(700), KEY_EXCHANGE.to_vec()].to_vec(),
            // Without a certificate the list is empty.
            [EMPTY_LIST.to_vec(), KEY_EXCHANGE.to_vec()].to_vec(),
            [long_certificate(), vec![KEY_EXCHANGE.to_vec()]].concat(),
        ] {
            let (last, certificate) = records.split_last().unwrap();
            for at_once in [1, 3, 100, 16_384, 100_000] {
                let mut flight = Flight::default();
                let mut left = records.clone();
                let mut sent = vec![];
                while flight != Flight::Held {
                    let slices: Vec<_> = left.iter().map(|part| IoSlice::new(part)).collect();
                    let now = flight.first(&slices).expect("nothing but the Certificate");
                    let now = now[..now.len().min(at_once)].to_vec();
                    flight.wrote(now.len());
                    left[0].drain(..now.len());
                    left.retain(|part| !part.is_empty());
                    sent.extend(now);
                }
                assert_eq!(sent, certificate.concat(), "{at_once} bytes at once");
                assert_eq!(left, std::slice::from_ref(last));
                flight.release();
                assert_eq!(flight.first(&[IoSlice::new(last)]), None);
            }
        }
    }

    #[test]
    fn nothing_else_is_cut() {
        let half = long_certificate().remove(0);
        for records in [
            vec![KEY_EXCHANGE.to_vec()],
            // An alert of ours.
            vec![vec![21, 3, 3, 0, 2, 2, 40], EMPTY_LIST.to_vec()],
            // Too short to be told, and a message that does not end.
            vec![vec![22, 3, 3]],
            vec![half.clone()],
            vec![half, vec![20, 3, 3, 0, 1, 1]],
            vec![],
        ] {
            let slices: Vec<_> = records.iter().map(|part| IoSlice::new(part)).collect();
            let mut flight = Flight::default();
            assert_eq!(flight.first(&slices), None, "{records:?}");
            assert_eq!(flight, Flight::Whole);
        }
    }

    fn record(body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[22, 3, 3], &length[..], body].concat()
    }

    fn message(length: u32) -> Vec<u8> {
        let [_, header @ ..] = length.to_be_bytes();
        [&[CERTIFICATE], &header[..], &vec![7; length as usize]].concat()
    }

    fn certificate_of(length: u32) -> Vec<u8> {
        record(&message(length))
    }

    fn long_certificate() -> Vec<Vec<u8>> {
        message(40_000).chunks(16_384).map(record).collect()
    }

    const EMPTY_LIST: &[u8] = &[22, 3, 3, 0, 7, 11, 0, 0, 3, 0, 0, 0];
    const KEY_EXCHANGE: &[u8] = &[22, 3, 3, 0, 6, 16, 0, 0, 2, 1, 1];
}
