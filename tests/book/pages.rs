//! The pages of the book, and the commands in them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A page: the README, one under `docs/`, or an example whose comment says how to run it.
pub(crate) struct Page {
    /// Its path in the repository.
    pub(crate) name: String,
    text: String,
    /// What is to be run, and what comes of it, in the order of the page.
    pub(crate) items: Vec<Item>,
    /// Commands of ours in the middle of a sentence.
    pub(crate) mentioned: Vec<Told>,
}

pub(crate) enum Item {
    Command(Told),
    /// Lines that the command before prints.
    Printed(Vec<String>),
    /// What to write into `probe.yaml`.
    Suite(String),
}

/// A command, and where it stands.
pub(crate) struct Told {
    place: String,
    pub(crate) text: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}`", self.place, self.text)
    }
}

/// Every page, the README first.
pub(crate) fn pages() -> Vec<Page> {
    let mut names = vec!["README.md".to_owned()];
    let mut found = vec![];
    under(Path::new("docs"), &mut found);
    under(Path::new("probes"), &mut found);
    found.sort();
    names.extend(found);
    names.into_iter().map(Page::read).collect()
}

impl Page {
    fn read(name: String) -> Self {
        let text = fs::read_to_string(root().join(&name)).unwrap();
        let mut page = Self {
            items: vec![],
            mentioned: vec![],
            name,
            text,
        };
        if page.name.ends_with(".md") {
            page.read_markdown();
        } else {
            page.read_comments();
        }
        page
    }

    pub(crate) fn path(&self) -> PathBuf {
        root().join(&self.name)
    }

    /// What it links to in this repository.
    pub(crate) fn links(&self) -> Vec<String> {
        let links = self.text.split("](").skip(1);
        let links = links.filter_map(|rest| rest.split(')').next());
        let links = links.filter(|link| !link.contains("://") && !link.contains(' '));
        links.map(str::to_owned).collect()
    }

    /// The headings of a page, as they are linked to.
    pub(crate) fn anchors(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        let headings = text.lines().filter(|line| line.starts_with('#'));
        headings
            .map(|line| {
                let words = line.trim_start_matches('#').trim().to_lowercase();
                let kept = words.chars().filter_map(|c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                    _ => None,
                });
                kept.collect()
            })
            .collect()
    }

    /// Indented blocks and those of a shell are commands; no other block may hold one.
    fn read_markdown(&mut self) {
        let mut lines = self.text.lines().enumerate().peekable();
        let mut items = vec![];
        let mut mentioned = vec![];
        let mut note = "";
        let mut before = "";
        let mut is_code = false;
        while let Some((nth, line)) = lines.next() {
            let place = |nth: usize| format!("{}:{}", self.name, nth + 1);
            if let Some(kind) = line.trim_start().strip_prefix("```") {
                let mut block = vec![];
                for (nth, line) in lines.by_ref() {
                    if line.trim_start().starts_with("```") {
                        break;
                    }
                    block.push((nth, line));
                }
                let text = || block.iter().map(|(_, line)| format!("{line}\n")).collect();
                match (kind, note) {
                    ("console" | "sh" | "bash", _) => commands(&block, &place, &mut items),
                    ("text", "printed") => items.push(Item::Printed(
                        block.iter().map(|(_, line)| (*line).to_owned()).collect(),
                    )),
                    ("yaml", "probe.yaml") => items.push(Item::Suite(text())),
                    _ => {
                        for (nth, line) in &block {
                            assert!(
                                !line.starts_with("probe ") && !line.starts_with("kubectl "),
                                "{}: a command in a block of {kind:?}, where nobody runs it: indent it instead",
                                place(*nth)
                            );
                        }
                    }
                }
                note = "";
            } else if line.starts_with("    ") && (before.is_empty() || is_code) {
                let mut block = vec![(nth, line)];
                while let Some((_, next)) = lines.peek()
                    && next.starts_with("    ")
                {
                    block.extend(lines.next());
                }
                commands(&block, &place, &mut items);
                is_code = true;
                before = line;
                continue;
            } else {
                if let Some(rest) = line.strip_prefix("<!-- ") {
                    note = rest.trim_end_matches(" -->");
                }
                let spans = line.split('`').skip(1).step_by(2);
                // A code is not a command, whatever it begins with.
                for span in spans.filter(|span| span.starts_with("probe ")) {
                    let text = span.replace("\\|", "|");
                    let place = place(nth);
                    mentioned.push(Told { place, text });
                }
            }
            is_code = is_code && line.is_empty();
            before = line;
        }
        (self.items, self.mentioned) = (items, mentioned);
    }

    /// A comment of an example says how to run it, further in than the rest.
    fn read_comments(&mut self) {
        for (nth, line) in self.text.lines().enumerate() {
            let Some(said) = line.strip_prefix("#     ") else {
                continue;
            };
            // What it does comes after the command, two blanks away.
            let text = said.split("  ").next().unwrap().to_owned();
            if text.starts_with("probe ") {
                let place = format!("{}:{}", self.name, nth + 1);
                self.items.push(Item::Command(Told { place, text }));
            }
        }
    }
}

fn commands(block: &[(usize, &str)], place: &impl Fn(usize) -> String, items: &mut Vec<Item>) {
    let mut begun: Option<Told> = None;
    for (nth, line) in block {
        let line = without_comment(line.trim());
        let (line, goes_on) = match line.strip_suffix('\\') {
            Some(line) => (line.trim_end(), true),
            None => (line, false),
        };
        let told = match begun.take() {
            Some(mut told) => {
                told.text += " ";
                told.text += line;
                told
            }
            None if line.is_empty() => continue,
            None => Told {
                place: place(*nth),
                text: line.to_owned(),
            },
        };
        if goes_on {
            begun = Some(told);
        } else {
            items.push(Item::Command(told));
        }
    }
    assert!(begun.is_none(), "a command goes on after its block");
}

fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '#') if before == ' ' => return line[..at].trim_end(),
            _ => {}
        }
        before = c;
    }
    line
}

/// The words of a command as a shell would give them, up to where its output goes.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (None, '>') => break,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match quote {
        Some(_) => Err("a quote is left open".to_owned()),
        None => Ok(words),
    }
}

fn under(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        let name = path.display().to_string();
        if entry.file_type().unwrap().is_dir() {
            under(&path, found);
        } else if name.ends_with(".md") || name.ends_with(".yaml") {
            found.push(name);
        }
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
