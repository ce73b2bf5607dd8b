//! SMTP, as far as STARTTLS (RFC 3207), or as far as the begin of a mail without it.

use super::opening::{LONGEST_MESSAGE, Stream, Trouble, array, say, words};
use crate::observation::Opening;

/// Greeting, EHLO, STARTTLS.
pub(super) async fn start_tls(mut stream: impl Stream) -> Result<Opening, Trouble> {
    let offers = match hello(&mut stream).await? {
        Ok(offers) => offers,
        Err(refusal) => return Ok(refusal),
    };
    if !offers {
        let _ = say(&mut stream, b"QUIT\r\n").await;
        return Ok(Opening::NoTls(
            "the mail server's answer to EHLO does not list STARTTLS".to_owned(),
        ));
    }
    say(&mut stream, b"STARTTLS\r\n").await?;
    let answer = reply(&mut stream).await?;
    let said = format!("the mail server answers STARTTLS with {}", answer.said());
    Ok(match answer.code {
        220 => Opening::Agreed,
        // "Due to temporary reason", and other trouble that may pass.
        400..=499 => Opening::NotNow(said),
        500..=599 => Opening::NoTls(said),
        _ => return Err(answer.foreign()),
    })
}

/// Greeting, EHLO, and the begin of a mail, which is taken back.
pub(super) async fn send_mail(mut stream: impl Stream) -> Result<Opening, Trouble> {
    if let Err(refusal) = hello(&mut stream).await? {
        return Ok(refusal);
    }
    say(&mut stream, b"MAIL FROM:<>\r\n").await?;
    let answer = reply(&mut stream).await?;
    let _ = say(&mut stream, b"RSET\r\nQUIT\r\n").await;
    let said = format!(
        "the mail server answers MAIL FROM without TLS: {}",
        answer.said()
    );
    let wants_tls = {
        let text = answer.said().to_ascii_lowercase();
        ["tls", "encrypt"].iter().any(|word| text.contains(word))
    };
    Ok(match answer.code {
        200..=299 => Opening::GoesOn(said),
        400..=599 if wants_tls => Opening::WantsTls(said),
        400..=599 => Opening::Refused(said),
        _ => return Err(answer.foreign()),
    })
}

/// Whether STARTTLS is offered, else why it will not speak with us.
async fn hello(stream: &mut impl Stream) -> Result<Result<bool, Opening>, Trouble> {
    let greeting = reply(stream).await?;
    let refused = |answer: &Reply, to: &str| {
        let said = format!("the mail server {to} with {}", answer.said());
        Ok(Err(Opening::Refused(said)))
    };
    match greeting.code {
        220 => {}
        400..=599 => return refused(&greeting, "greets us"),
        _ => return Err(greeting.foreign()),
    }
    say(stream, b"EHLO probe.invalid\r\n").await?;
    let answer = reply(stream).await?;
    match answer.code {
        250 => Ok(Ok(answer
            .lines
            .iter()
            .skip(1)
            .any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")))),
        // It knows no EHLO, and so no STARTTLS.
        500 | 502 => Ok(Ok(false)),
        400..=599 => refused(&answer, "answers EHLO"),
        _ => Err(answer.foreign()),
    }
}

/// One answer of several lines.
struct Reply {
    code: u16,
    /// Without their codes.
    lines: Vec<String>,
}

impl Reply {
    /// `454 4.7.0 TLS not available`
    fn said(&self) -> String {
        words(format!("{} {}", self.code, self.lines.join(" ")).as_bytes())
    }

    fn foreign(&self) -> Trouble {
        Trouble::foreign("SMTP", self.said().as_bytes())
    }
}

async fn reply(stream: &mut impl Stream) -> Result<Reply, Trouble> {
    let mut answer: Option<Reply> = None;
    let mut left = LONGEST_MESSAGE;
    loop {
        let line = line(stream, &mut left).await?;
        let foreign = || Trouble::foreign("SMTP", &line);
        let (digits, rest) = line.split_at_checked(3).ok_or_else(foreign)?;
        let is_code = digits.iter().all(u8::is_ascii_digit);
        let code = digits.iter().fold(0, |code, digit| {
            code * 10 + u16::from(digit.wrapping_sub(b'0') % 10)
        });
        let is_other = answer.as_ref().is_some_and(|begun| begun.code != code);
        let (is_last, text) = match rest.split_first() {
            None => (true, &[][..]),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(foreign()),
        };
        if !is_code || is_other {
            return Err(foreign());
        }
        let answer = answer.get_or_insert(Reply {
            code,
            lines: vec![],
        });
        answer.lines.push(words(text));
        if is_last {
            return Ok(Reply {
                code,
                lines: std::mem::take(&mut answer.lines),
            });
        }
    }
}

/// A line without its end; nothing beyond it is read.
async fn line(stream: &mut impl Stream, left: &mut usize) -> Result<Vec<u8>, Trouble> {
    let mut line = vec![];
    loop {
        let [byte] = array(stream).await?;
        *left = left.saturating_sub(1);
        match byte {
            b'\n' => break,
            // Nothing that begins otherwise will ever be SMTP.
            byte if line.len() < 3 && !byte.is_ascii_digit() => {
                line.push(byte);
                return Err(Trouble::foreign("SMTP", &line));
            }
            byte => line.push(byte),
        }
        if *left == 0 {
            return Err(Trouble::Foreign(
                "the mail server speaks without end".to_owned(),
            ));
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}
