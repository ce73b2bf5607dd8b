//! Results to stdout in one format, and to files in any number of them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::arguments::{Color, Common};
use super::{Terminal, Trouble};
use crate::matrix::{Cell, Matrix};
use crate::report::{self, Format, Style, UnknownFormat, ndjson};

/// Where results go.
#[derive(Debug)]
pub(super) struct Output<F = Format> {
    format: F,
    style: Style,
    files: Vec<(F, PathBuf)>,
}

impl<F: Copy + Default + FromStr<Err = UnknownFormat>> Output<F> {
    /// As the flags say.
    pub(super) fn new(common: &Common, terminal: &Terminal<'_>) -> Result<Self, Trouble> {
        Ok(Self {
            format: common.format()?.unwrap_or_default(),
            style: style(common, terminal),
            files: common
                .output
                .iter()
                .map(|text| file(text))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Writes the files, then stdout: whoever closes that early has no say in the files.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        write: impl Fn(F, &Style, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Trouble> {
        for (format, path) in &self.files {
            write_whole(path, |out| write(*format, &Style::default(), out))
                .map_err(|err| Trouble::usage(format!("cannot write {}: {err}", path.display())))?;
        }
        write(self.format, &self.style, out)?;
        Ok(out.flush()?)
    }
}

impl Output {
    /// How it looks.
    pub(super) fn style(&self) -> &Style {
        &self.style
    }

    /// Cells go out one by one while the run goes on.
    pub(super) fn is_stream(&self) -> bool {
        self.format == Format::Ndjson
    }

    /// Streams cells that nothing changes any more.
    pub(super) fn cells(&self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        for cell in cells {
            ndjson::cell(cell, &mut &mut *out)?;
        }
        out.flush()
    }

    /// Writes the files. They come first: whoever closes our stdout early has no say in them.
    pub(super) fn files(&self, matrix: &Matrix) -> Result<(), Trouble> {
        for (format, path) in &self.files {
            let style = Style {
                addresses: self.style.addresses,
                ..Style::default()
            };
            write_whole(path, |out| report::write(matrix, *format, &style, out))
                .map_err(|err| Trouble::usage(format!("cannot write {}: {err}", path.display())))?;
        }
        Ok(())
    }

    /// Writes the result, or what is left of it after streaming.
    pub(super) fn rest(&self, matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
        if self.is_stream() {
            ndjson::end(matrix, &mut &mut *out)?;
            return out.flush();
        }
        self.whole(matrix, out)
    }

    /// Writes the whole result.
    pub(super) fn whole(&self, matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
        report::write(matrix, self.format, &self.style, &mut &mut *out)?;
        out.flush()
    }
}

/// How the terminal wants its text.
/// For commands whose report is no result of a run: `-o` does not write it, and this does.
pub(super) fn no_files(common: &Common, instead: &str) -> Result<(), Trouble> {
    match common.output.first() {
        None => Ok(()),
        Some(output) => Err(Trouble::usage(format!(
            "-o {output:?} writes the result of a run; write {instead} > FILE"
        ))),
    }
}

pub(super) fn style(common: &Common, terminal: &Terminal<'_>) -> Style {
    Style {
        width: terminal.width,
        color: match common.color {
            Color::Auto => terminal.color,
            Color::Always => true,
            Color::Never => false,
        },
        ascii: terminal.ascii,
        verbose: common.verbose,
        addresses: common.metrics_addresses,
    }
}

/// `FORMAT=FILE`
fn file<F: FromStr<Err = UnknownFormat>>(text: &str) -> Result<(F, PathBuf), Trouble> {
    let (format, path) = text.split_once('=').ok_or_else(|| {
        Trouble::usage(format!(
            "-o {text:?} names no format; write FORMAT=FILE, for example json={text}"
        ))
    })?;
    let format = format
        .parse()
        .map_err(|why: UnknownFormat| Trouble::usage(format!("-o {text:?}: {why}")))?;
    if path.is_empty() {
        return Err(Trouble::usage(format!("-o {text:?} names no file")));
    }
    Ok((format, PathBuf::from(path)))
}

/// Writes beside the file and renames: readers see the old result or the new one, never a half.
fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let is_special = fs::metadata(path).is_ok_and(|known| !known.is_file());
    if is_special {
        // A pipe or a device takes no renaming.
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        return out.flush();
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = (|| {
        let mut out = BufWriter::new(File::create_new(&beside)?);
        write(&mut out)?;
        out.into_inner()?.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
