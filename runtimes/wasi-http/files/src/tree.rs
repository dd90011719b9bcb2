//! Folders and files, within bounds.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use crate::contents::Contents;

/// Longest name of a file, bytes.
const LONGEST_NAME_BYTES: usize = 255;
/// Deepest path: what is deeper could not be dropped on a small stack.
const DEEPEST: usize = 128;

/// Why something could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is nothing of that name.
    NoEntry,
    /// There is something of that name.
    Exists,
    /// A file, where a folder is needed.
    NotDirectory,
    /// A folder, where a file is needed.
    IsDirectory,
    /// The folder holds something.
    NotEmpty,
    /// The path leads out of the folder.
    NotPermitted,
    /// The path's last part is no name.
    Invalid,
    /// A name, or the path, is too long.
    NameTooLong,
    /// The bounds are reached.
    NoSpace,
}

/// What all files together hold, and may hold.
#[derive(Debug)]
struct Space {
    free_bytes: Cell<usize>,
    free_nodes: Cell<usize>,
    next_number: Cell<u64>,
}

/// A file or a folder. It lives until nothing refers to it, as on Unix.
#[derive(Debug)]
pub struct Node {
    number: u64,
    space: Rc<Space>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File(RefCell<Contents>),
    Directory(RefCell<BTreeMap<String, Rc<Node>>>),
}

/// How [`Node::open`] opens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open {
    /// Make the file where there is none.
    pub create: bool,
    /// Refuse what is there already.
    pub exclusive: bool,
    /// Refuse what is not a folder.
    pub directory: bool,
    /// Remove what the file holds.
    pub truncate: bool,
}

impl Node {
    /// An empty folder for at most `bytes` in at most `nodes` files and folders.
    pub fn root(bytes: usize, nodes: usize) -> Rc<Node> {
        let space = Space { free_bytes: Cell::new(bytes), free_nodes: Cell::new(nodes), next_number: Cell::new(2) };
        Rc::new(Node { number: 1, space: Rc::new(space), kind: Kind::Directory(RefCell::default()) })
    }

    fn make(&self, kind: Kind) -> Result<Rc<Node>, Fault> {
        let space = &self.space;
        space.free_nodes.set(space.free_nodes.get().checked_sub(1).ok_or(Fault::NoSpace)?);
        let number = space.next_number.replace(space.next_number.get() + 1);
        Ok(Rc::new(Node { number, space: space.clone(), kind }))
    }

    /// Its number, which no other has had.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether it is a folder.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    /// Size of a file, bytes; 0 for a folder.
    pub fn size(&self) -> usize {
        match &self.kind {
            Kind::File(contents) => contents.borrow().len(),
            Kind::Directory(_) => 0,
        }
    }

    fn entries(&self) -> Result<&RefCell<BTreeMap<String, Rc<Node>>>, Fault> {
        match &self.kind {
            Kind::Directory(entries) => Ok(entries),
            Kind::File(_) => Err(Fault::NotDirectory),
        }
    }

    fn contents(&self) -> Result<&RefCell<Contents>, Fault> {
        match &self.kind {
            Kind::File(contents) => Ok(contents),
            Kind::Directory(_) => Err(Fault::IsDirectory),
        }
    }

    /// Names in a folder, and whether each is a folder itself.
    ///
    /// # Errors
    /// For a file.
    pub fn names(&self) -> Result<Vec<(String, bool)>, Fault> {
        let entries = self.entries()?.borrow();
        Ok(entries.iter().map(|(name, node)| (name.clone(), node.is_directory())).collect())
    }

    /// What `path` below this folder is.
    ///
    /// # Errors
    /// When it is not there, or not below this folder.
    pub fn find(self: &Rc<Node>, path: &str) -> Result<Rc<Node>, Fault> {
        let mut way = alloc::vec![self.clone()];
        for part in parts(path)? {
            way.last().ok_or(Fault::NotPermitted)?.entries()?;
            match part {
                ".." => {
                    way.pop();
                    if way.is_empty() {
                        return Err(Fault::NotPermitted);
                    }
                }
                name => {
                    let next = {
                        let entries = way.last().ok_or(Fault::NotPermitted)?.entries()?.borrow();
                        entries.get(name).cloned().ok_or(Fault::NoEntry)?
                    };
                    way.push(next);
                }
            }
        }
        let found = way.pop().ok_or(Fault::NotPermitted)?;
        if path.ends_with('/') {
            found.entries()?;
        }
        Ok(found)
    }

    /// The folder that `path` names something in, and the name.
    fn place<'a>(self: &Rc<Node>, path: &'a str) -> Result<(Rc<Node>, &'a str), Fault> {
        let trimmed = path.trim_end_matches('/');
        let (folder, name) = trimmed.rsplit_once('/').unwrap_or((".", trimmed));
        if path.starts_with('/') {
            return Err(Fault::NotPermitted);
        }
        if path.is_empty() {
            return Err(Fault::NoEntry);
        }
        if matches!(name, "" | "." | "..") {
            return Err(Fault::Invalid);
        }
        if name.len() > LONGEST_NAME_BYTES {
            return Err(Fault::NameTooLong);
        }
        let folder = self.find(folder)?;
        folder.entries()?;
        Ok((folder, name))
    }

    /// Opens, and perhaps makes, a file, or opens a folder.
    ///
    /// # Errors
    /// As `how` says, and when the path leads nowhere.
    pub fn open(self: &Rc<Node>, path: &str, how: Open) -> Result<Rc<Node>, Fault> {
        let node = match self.find(path) {
            Ok(_) if how.create && how.exclusive => return Err(Fault::Exists),
            Ok(node) => node,
            Err(Fault::NoEntry) if how.create && !how.directory => {
                let (folder, name) = self.place(path)?;
                if path.ends_with('/') {
                    return Err(Fault::IsDirectory);
                }
                let node = folder.make(Kind::File(RefCell::default()))?;
                folder.entries()?.borrow_mut().insert(name.to_owned(), node.clone());
                node
            }
            Err(fault) => return Err(fault),
        };
        if how.directory {
            node.entries()?;
        }
        if how.truncate {
            let mut contents = node.contents()?.borrow_mut();
            node.space.give_back(contents.len());
            contents.clear();
        }
        Ok(node)
    }

    /// Makes an empty folder.
    ///
    /// # Errors
    /// When there is something already, or no place for it.
    pub fn create_directory(self: &Rc<Node>, path: &str) -> Result<(), Fault> {
        let (folder, name) = self.place(path)?;
        if parts(path)?.count() > DEEPEST {
            return Err(Fault::NameTooLong);
        }
        if folder.entries()?.borrow().contains_key(name) {
            return Err(Fault::Exists);
        }
        let node = folder.make(Kind::Directory(RefCell::default()))?;
        folder.entries()?.borrow_mut().insert(name.to_owned(), node);
        Ok(())
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// For anything else.
    pub fn remove_directory(self: &Rc<Node>, path: &str) -> Result<(), Fault> {
        let (folder, name) = self.place(path)?;
        let mut entries = folder.entries()?.borrow_mut();
        let node = entries.get(name).ok_or(Fault::NoEntry)?;
        if !node.entries()?.borrow().is_empty() {
            return Err(Fault::NotEmpty);
        }
        entries.remove(name);
        Ok(())
    }

    /// Removes a file.
    ///
    /// # Errors
    /// For anything else.
    pub fn remove_file(self: &Rc<Node>, path: &str) -> Result<(), Fault> {
        let (folder, name) = self.place(path)?;
        let mut entries = folder.entries()?.borrow_mut();
        let node = entries.get(name).ok_or(Fault::NoEntry)?;
        node.contents()?;
        entries.remove(name);
        Ok(())
    }

    /// At most `most` bytes of a file from `offset` on; none at the end.
    ///
    /// # Errors
    /// For a folder.
    pub fn read(&self, offset: u64, most: usize) -> Result<Vec<u8>, Fault> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(self.contents()?.borrow().read(offset, most))
    }

    /// Puts `bytes` into a file.
    ///
    /// # Errors
    /// For a folder, and when there is no space: then nothing is written.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let mut contents = self.contents()?.borrow_mut();
        let offset = usize::try_from(offset).map_err(|_| Fault::NoSpace)?;
        let end = offset.checked_add(bytes.len()).ok_or(Fault::NoSpace)?;
        let growth = if bytes.is_empty() { 0 } else { end.saturating_sub(contents.len()) };
        self.space.take(growth)?;
        if !bytes.is_empty() {
            contents.write(offset, bytes);
        }
        Ok(())
    }
}

impl Space {
    fn take(&self, bytes: usize) -> Result<(), Fault> {
        self.free_bytes.set(self.free_bytes.get().checked_sub(bytes).ok_or(Fault::NoSpace)?);
        Ok(())
    }

    fn give_back(&self, bytes: usize) {
        self.free_bytes.set(self.free_bytes.get() + bytes);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.space.give_back(self.size());
        self.space.free_nodes.set(self.space.free_nodes.get() + 1);
    }
}

/// The parts of a relative path that mean something.
fn parts(path: &str) -> Result<impl Iterator<Item = &str>, Fault> {
    if path.starts_with('/') {
        return Err(Fault::NotPermitted);
    }
    if path.is_empty() {
        return Err(Fault::NoEntry);
    }
    Ok(path.split('/').filter(|part| !matches!(*part, "" | ".")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const NEW: Open = Open { create: true, exclusive: true, directory: false, truncate: false };

    fn root() -> Rc<Node> {
        Node::root(1000, 8)
    }

    #[test]
    fn a_file_is_made_once_and_found_again() {
        let root = root();
        root.create_directory("a").unwrap();
        root.create_directory("a/b/").unwrap();
        let file = root.open("a/b/f", NEW).unwrap();
        file.write(0, b"text").unwrap();
        assert_eq!(root.open("a/b/f", NEW).unwrap_err(), Fault::Exists);
        let again = root.open("./a//b/../b/f", Open::default()).unwrap();
        assert_eq!((again.number(), again.read(1, 9).unwrap()), (file.number(), b"ext".to_vec()));
        assert_eq!(root.find("a").unwrap().names().unwrap(), [("b".to_owned(), true)]);
        assert_eq!(root.find("a/b").unwrap().names().unwrap(), [("f".to_owned(), false)]);
    }

    #[test]
    fn no_path_leads_out() {
        let root = root();
        root.create_directory("a").unwrap();
        for path in ["..", "a/../..", "/", "/a", "a/../../a"] {
            assert_eq!(root.find(path).unwrap_err(), Fault::NotPermitted, "{path}");
            assert_eq!(root.open(path, NEW).unwrap_err(), Fault::NotPermitted, "{path}");
        }
        assert_eq!(root.find("a/..").unwrap().number(), root.number());
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let root = root();
        root.create_directory("d").unwrap();
        root.open("f", NEW).unwrap();
        let directory = Open { directory: true, ..Open::default() };
        assert_eq!(root.open("f", directory).unwrap_err(), Fault::NotDirectory);
        assert_eq!(root.open("f/", Open::default()).unwrap_err(), Fault::NotDirectory);
        assert_eq!(root.open("f/g", NEW).unwrap_err(), Fault::NotDirectory);
        assert_eq!(root.open("n/", NEW).unwrap_err(), Fault::IsDirectory);
        assert_eq!(root.open("no", Open::default()).unwrap_err(), Fault::NoEntry);
        assert_eq!(root.open("", NEW).unwrap_err(), Fault::NoEntry);
        assert_eq!(root.open("d", Open { truncate: true, ..Open::default() }).unwrap_err(), Fault::IsDirectory);
        assert_eq!(root.create_directory("d").unwrap_err(), Fault::Exists);
        assert_eq!(root.create_directory("x/y").unwrap_err(), Fault::NoEntry);
        assert_eq!(root.create_directory(".").unwrap_err(), Fault::Invalid);
        assert_eq!(root.create_directory(&"n".repeat(256)).unwrap_err(), Fault::NameTooLong);
        assert_eq!(root.remove_file("d").unwrap_err(), Fault::IsDirectory);
        assert_eq!(root.remove_directory("f").unwrap_err(), Fault::NotDirectory);
        assert_eq!(root.find("d").unwrap().read(0, 1).unwrap_err(), Fault::IsDirectory);
        root.open("d/f", NEW).unwrap();
        assert_eq!(root.remove_directory("d").unwrap_err(), Fault::NotEmpty);
        root.remove_file("d/f").unwrap();
        root.remove_directory("d").unwrap();
        assert_eq!(root.find("d").unwrap_err(), Fault::NoEntry);
    }

    #[test]
    fn bytes_are_bounded_and_come_back_when_the_last_reference_goes() {
        let root = root();
        let file = root.open("f", NEW).unwrap();
        file.write(0, &[1; 1000]).unwrap();
        assert_eq!(file.write(1000, &[1]).unwrap_err(), Fault::NoSpace);
        assert_eq!(file.write(u64::MAX, &[1]).unwrap_err(), Fault::NoSpace);
        file.write(999, &[2]).unwrap();
        root.remove_file("f").unwrap();
        // Still open.
        let other = root.open("g", NEW).unwrap();
        assert_eq!(other.write(0, &[1]).unwrap_err(), Fault::NoSpace);
        drop(file);
        other.write(0, &[1; 1000]).unwrap();
        root.open("g", Open { truncate: true, ..Open::default() }).unwrap();
        assert_eq!(other.size(), 0);
        other.write(999, &[1]).unwrap();
        assert_eq!(other.write(1000, &[1]).unwrap_err(), Fault::NoSpace);
    }

    #[test]
    fn files_are_bounded_in_number() {
        let root = root();
        for number in 0..8 {
            root.open(&alloc::format!("{number}"), NEW).unwrap();
        }
        assert_eq!(root.open("9", NEW).unwrap_err(), Fault::NoSpace);
        assert_eq!(root.create_directory("9").unwrap_err(), Fault::NoSpace);
        root.remove_file("0").unwrap();
        root.create_directory("9").unwrap();
    }

    #[test]
    fn depth_is_bounded() {
        let root = Node::root(0, 1000);
        let mut path = String::from("d");
        for _ in 1..DEEPEST {
            root.create_directory(&path).unwrap();
            path.push_str("/d");
        }
        root.create_directory(&path).unwrap();
        path.push_str("/d");
        assert_eq!(root.create_directory(&path).unwrap_err(), Fault::NameTooLong);
    }
}
