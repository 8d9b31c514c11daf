//! The files of notices: the newest register of a period, and documents that are written whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use dustwatch_analytics::notice::{NoticeKind, Register};

/// Kinds of notices that have registers.
const KINDS: [NoticeKind; 2] = [NoticeKind::Weekly, NoticeKind::Monthly];

/// The register of the newest issue: `STEM.json`, or the `STEM-rN.json` with the highest number.
pub(super) fn last_register(out: &Path, stem: &str) -> anyhow::Result<Option<Register>> {
    let mut last: Option<(u32, PathBuf)> = None;
    for entry in out
        .read_dir()
        .with_context(|| format!("listing {}", out.display()))?
    {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some(rest) = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_suffix(".json"))
        else {
            continue;
        };
        let revision = match rest.strip_prefix("-r") {
            None if rest.is_empty() => Some(0),
            None => None,
            Some(number) => number.parse().ok(),
        };
        if let Some(revision) = revision
            && last.as_ref().is_none_or(|(newest, _)| revision > *newest)
        {
            last = Some((revision, path));
        }
    }
    let Some((_, path)) = last else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let register = Register::parse(&text).with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(register))
}

/// Every issue in a folder, with its register: the name of its files, oldest first by name.
pub(crate) fn issues(out: &Path) -> anyhow::Result<Vec<(String, Register)>> {
    let listed = out
        .read_dir()
        .with_context(|| format!("listing {}", out.display()))?;
    let mut found = Vec::new();
    for entry in listed {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let is_register = path.extension().is_some_and(|ending| ending == "json")
            && KINDS
                .iter()
                .any(|kind| stem.starts_with(&format!("{}-", kind.as_str())));
        if is_register {
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let register = Register::parse(&text).with_context(|| format!("reading {}", path.display()))?;
            found.push((stem.to_owned(), register));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// A document without a register was not made by this program, or by one that kept none.
pub(super) fn refuse_to_overwrite(out: &Path, stem: &str) -> anyhow::Result<()> {
    for ending in ["html", "md", "pdf", "docx", "json"] {
        let file = out.join(format!("{stem}.{ending}"));
        if file.exists() {
            bail!(
                "{} is there, but not the register of its issue; move it away, or name another folder with --out",
                file.display()
            );
        }
    }
    Ok(())
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let unfinished = folder.join(format!(".{name}.unfinished"));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
