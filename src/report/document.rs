//! A report in words, written once and rendered for a terminal or as Markdown. What is ours and what
//! is quoted stay apart, so that each rendering can escape the latter as it must.

use std::io::{self, BufWriter, Write};

use super::page::{Line, Look, Page};
use super::text::{FIELD, shown};
use super::{Style, markdown};

/// One block after another.
#[derive(Clone, Debug, Default)]
pub(super) struct Document(pub(super) Vec<Block>);

#[derive(Clone, Debug)]
pub(super) enum Block {
    /// Over all.
    Title(String),
    /// Over some.
    Heading(String),
    /// A paragraph.
    Line(Phrase),
    /// One of a list, behind a mark.
    Item(Mark, Phrase),
    /// What belongs to the item before.
    Detail(Phrase),
    /// Rows of as many squares each; the first is the heading.
    Grid(Vec<Vec<Phrase>>),
}

/// What stands before an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Bad,
    Good,
    Doubt,
    Plain,
}

impl Mark {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Bad => "!",
            Self::Good => "+",
            Self::Doubt => "?",
            Self::Plain => "-",
        }
    }

    pub(super) const fn look(self) -> Look {
        match self {
            Self::Bad => Look::Bad,
            Self::Good => Look::Good,
            Self::Doubt => Look::Doubt,
            Self::Plain => Look::Plain,
        }
    }
}

/// Words of ours and what they quote.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrase(pub(super) Vec<Piece>);

#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) look: Look,
    pub(super) text: String,
    /// It comes from a peer, a suite or a file.
    pub(super) is_quote: bool,
    /// How many characters of it are shown.
    pub(super) most: usize,
}

impl Phrase {
    pub(super) fn words(text: &str) -> Self {
        Self::default().say(text)
    }

    /// Adds words of ours.
    pub(super) fn say(self, text: &str) -> Self {
        self.add(Look::Plain, text, false)
    }

    /// Adds words of ours that stand out.
    pub(super) fn mark(self, look: Look, text: &str) -> Self {
        self.add(look, text, false)
    }

    /// Adds a text that somebody else chose.
    pub(super) fn quote(self, text: &str) -> Self {
        self.add(Look::Plain, text, true)
    }

    /// Adds sentences that quote what others chose.
    pub(super) fn quote_whole(mut self, text: &str) -> Self {
        self.0.push(Piece {
            look: Look::Plain,
            text: text.to_owned(),
            is_quote: true,
            most: SENTENCES,
        });
        self
    }

    /// Adds the name of something.
    pub(super) fn name(self, text: &str) -> Self {
        self.add(Look::Strong, text, true)
    }

    /// Adds names, or so many of them as one can read.
    pub(super) fn names(mut self, names: &[impl AsRef<str>]) -> Self {
        let has_commas = names.iter().any(|name| name.as_ref().contains(", "));
        let separator = if has_commas { "; " } else { ", " };
        for (nth, name) in names.iter().take(LISTED).enumerate() {
            self = self.say(if nth > 0 { separator } else { "" });
            self = self.quote(name.as_ref());
        }
        match names.len().saturating_sub(LISTED) {
            0 => self,
            more => self.say(&format!(" and {more} more")),
        }
    }

    pub(super) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn add(mut self, look: Look, text: &str, is_quote: bool) -> Self {
        self.0.push(Piece {
            look,
            text: text.to_owned(),
            is_quote,
            most: if is_quote { FIELD } else { SENTENCES },
        });
        self
    }

    /// As plain words, each piece escaped and cut as on a page.
    pub(super) fn text(&self) -> String {
        let pieces = self.0.iter();
        pieces
            .map(|piece| shown(&piece.text, piece.most, false))
            .collect()
    }

    pub(super) fn line(&self) -> Line {
        let add = |line: Line, piece: &Piece| line.add(piece.look, &piece.text);
        self.0.iter().fold(Line::new(), add)
    }
}

impl Document {
    pub(super) fn title(&mut self, text: &str) {
        self.0.push(Block::Title(text.to_owned()));
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.0.push(Block::Heading(text.to_owned()));
    }

    pub(super) fn line(&mut self, phrase: Phrase) {
        self.0.push(Block::Line(phrase));
    }

    pub(super) fn item(&mut self, mark: Mark, phrase: Phrase) {
        self.0.push(Block::Item(mark, phrase));
    }

    pub(super) fn detail(&mut self, phrase: Phrase) {
        self.0.push(Block::Detail(phrase));
    }

    pub(super) fn grid(&mut self, rows: Vec<Vec<Phrase>>) {
        self.0.push(Block::Grid(rows));
    }

    pub(super) fn table(&self, style: &Style, out: &mut impl Write) -> io::Result<()> {
        let mut out = BufWriter::new(out);
        let page = &mut Page::new(style, &mut out);
        for block in &self.0 {
            match block {
                Block::Title(text) => page.line(Line::new().name(text))?,
                Block::Heading(text) => page.heading(text)?,
                Block::Line(phrase) => page.line(phrase.line())?,
                Block::Item(mark, phrase) => {
                    let line = Line::new().add(mark.look(), mark.sign()).say(" ");
                    page.item(2, 4, line.join(phrase.line()))?;
                }
                Block::Detail(phrase) => {
                    page.item(6, 8, Line::new().say("- ").join(phrase.line()))?;
                }
                Block::Grid(rows) => {
                    for row in rows {
                        let join = |line: Line, square: &Phrase| line.join(square.line()).say("  ");
                        page.item(2, 4, row.iter().fold(Line::new(), join))?;
                    }
                }
            }
        }
        out.flush()
    }

    pub(super) fn markdown(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(markdown::render(self).as_bytes())?;
        out.flush()
    }
}

/// Of sentences.
const SENTENCES: usize = 1000;
/// How many names are listed.
const LISTED: usize = 12;
