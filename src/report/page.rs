//! Lines of styled text that fit a width. Whatever is put on a page is escaped and cut here, so no
//! report can forget it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::Style;
use super::text::{FIELD, char_width, shown, width};

/// The narrowest page; a narrower terminal wraps it once more.
const NARROWEST: usize = 40;
/// The width where there is no terminal.
const USUAL: usize = 120;
/// The longest text that we write ourselves, which may quote fields of a peer.
const SENTENCE: usize = 2000;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Look {
    #[default]
    Plain,
    /// Names and headings.
    Strong,
    /// What one may skip.
    Faint,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// In doubt.
    Doubt,
}

impl Look {
    fn ansi(self) -> Ansi {
        let colour = |colour: AnsiColor| Ansi::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Ansi::new(),
            Self::Strong => Ansi::new().bold(),
            Self::Faint => Ansi::new().dimmed(),
            Self::Good => colour(AnsiColor::Green),
            Self::Bad => colour(AnsiColor::Red).bold(),
            Self::Doubt => colour(AnsiColor::Yellow),
        }
    }
}

/// A line in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Vec<(Look, String)>);

impl Line {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a text, cut to the length of a field.
    pub(super) fn add(mut self, look: Look, text: &str) -> Self {
        self.0.push((look, shown(text, FIELD, false)));
        self
    }

    /// Adds a text, cut to the length of a field.
    pub(super) fn say(self, text: &str) -> Self {
        self.add(Look::Plain, text)
    }

    /// Adds a name, cut to the length of a field.
    pub(super) fn name(self, text: &str) -> Self {
        self.add(Look::Strong, text)
    }

    /// Adds a text of our own that may quote several fields.
    pub(super) fn sentence(mut self, text: &str) -> Self {
        self.0.push((Look::Plain, shown(text, SENTENCE, false)));
        self
    }

    /// Adds names with a separator between them.
    pub(super) fn names<'a>(
        mut self,
        look: Look,
        names: impl IntoIterator<Item = &'a str>,
        separator: &str,
    ) -> Self {
        for (nth, name) in names.into_iter().enumerate() {
            if nth > 0 {
                self = self.say(separator);
            }
            self = self.add(look, name);
        }
        self
    }

    /// Adds a rule, so many times this sign.
    pub(super) fn ruled(mut self, sign: &str, times: usize) -> Self {
        self.0.push((Look::Faint, sign.repeat(times)));
        self
    }

    /// Its words alone.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// How many columns it takes.
    pub(super) fn columns(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// Adds blanks up to this column.
    pub(super) fn pad(mut self, column: usize) -> Self {
        let missing = column.saturating_sub(self.columns());
        self.0.push((Look::Plain, " ".repeat(missing)));
        self
    }

    /// Adds another line.
    pub(super) fn join(mut self, line: Self) -> Self {
        self.0.extend(line.0);
        self
    }

    /// What it is made of, already escaped and cut.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Look, &str)> {
        self.0.iter().map(|(look, text)| (*look, text.as_str()))
    }
}

/// Where lines are written.
pub(super) struct Page<'a, W> {
    out: &'a mut W,
    /// How many are written.
    pub(super) lines: usize,
    color: bool,
    pub(super) ascii: bool,
    pub(super) width: usize,
    pub(super) verbose: u8,
}

impl<'a, W: Write> Page<'a, W> {
    pub(super) fn new(style: &Style, out: &'a mut W) -> Self {
        Self {
            out,
            lines: 0,
            color: style.color,
            ascii: style.ascii,
            width: style.width.unwrap_or(USUAL).max(NARROWEST),
            verbose: style.verbose,
        }
    }

    /// An empty line.
    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.end()
    }

    /// A line from the left edge.
    pub(super) fn line(&mut self, line: Line) -> io::Result<()> {
        self.item(0, 0, line)
    }

    /// A heading with an empty line before it.
    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.blank()?;
        self.line(Line::new().name(text))
    }

    /// A paragraph: `first` blanks before its first line, `rest` before the others.
    pub(super) fn item(&mut self, first: usize, rest: usize, line: Line) -> io::Result<()> {
        let chars = self.chars(&line);
        let mut left = chars.as_slice();
        let mut indent = first;
        loop {
            let room = self.width.saturating_sub(indent);
            let (end, next) = break_at(left, room);
            self.emit(indent, left.get(..end).unwrap_or_default())?;
            left = left.get(next..).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            indent = rest;
        }
    }

    /// What follows from the lines before.
    pub(super) fn arrow(&mut self, indent: usize, line: Line) -> io::Result<()> {
        let arrow = if self.ascii { "=> " } else { "→ " };
        let rest = indent + arrow.chars().count();
        self.item(indent, rest, Line::new().say(arrow).join(line))
    }

    /// Short items beside each other, as many as fit on a line.
    pub(super) fn packed(&mut self, items: Vec<Line>) -> io::Result<()> {
        let mut line = Line::new();
        for item in items {
            if line.0.is_empty() {
                line = item;
            } else if line.columns() + 3 + item.columns() <= self.width {
                line = line.say("   ").join(item);
            } else {
                self.item(0, 4, std::mem::replace(&mut line, item))?;
            }
        }
        if line.0.is_empty() {
            return Ok(());
        }
        self.item(0, 4, line)
    }

    /// The characters of a line as they will be written, each with its look.
    fn chars(&self, line: &Line) -> Vec<(Look, char)> {
        let of = |(look, text): &(Look, String)| {
            let text = shown(text, usize::MAX, self.ascii);
            let look = *look;
            text.chars().map(move |c| (look, c)).collect::<Vec<_>>()
        };
        line.0.iter().flat_map(of).collect()
    }

    fn emit(&mut self, indent: usize, chars: &[(Look, char)]) -> io::Result<()> {
        let blank = |(_, c): &&(Look, char)| *c == ' ';
        let trailing = chars.iter().rev().take_while(blank).count();
        let chars = chars.get(..chars.len() - trailing).unwrap_or_default();
        if !chars.is_empty() {
            write!(self.out, "{:indent$}", "")?;
        }
        for run in chars.chunk_by(|(one, _), (other, _)| one == other) {
            let text: String = run.iter().map(|(_, c)| c).collect();
            let look = run.first().map_or(Look::Plain, |(look, _)| *look);
            let ansi = look.ansi();
            if self.color && look != Look::Plain {
                write!(self.out, "{ansi}{text}{ansi:#}")?;
            } else {
                write!(self.out, "{text}")?;
            }
        }
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.lines += 1;
        writeln!(self.out)
    }
}

/// Where a line ends and the next begins, for so many columns: at the last blank, or within a word
/// that no line could hold.
fn break_at(chars: &[(Look, char)], room: usize) -> (usize, usize) {
    let is_blank = |(_, c): &&(Look, char)| *c == ' ';
    let mut used = 0;
    let mut word_end = None;
    let mut in_word = false;
    for (at, (_, c)) in chars.iter().enumerate() {
        used += char_width(*c);
        if *c == ' ' {
            if in_word {
                word_end = Some(at);
            }
            in_word = false;
            continue;
        }
        in_word = true;
        if used <= room {
            continue;
        }
        // A line takes at least one character, so that there is an end.
        let within = at.max(1);
        let Some(end) = word_end else {
            return (within, within);
        };
        let blanks = chars.iter().skip(end).take_while(is_blank).count();
        let word = chars.iter().skip(end + blanks);
        let word = word.take_while(|(_, c)| *c != ' ');
        let fits = word.map(|(_, c)| char_width(*c)).sum::<usize>() <= room;
        return if fits || within <= end + blanks {
            (end, end + blanks)
        } else {
            (within, within)
        };
    }
    (chars.len(), chars.len())
}
