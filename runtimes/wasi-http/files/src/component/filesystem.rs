//! `wasi:filesystem` over [`crate::tree`].

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use wasi_http_guest::Single;

use super::Component;
use super::bindings::exports::wasi::filesystem::preopens;
use super::bindings::exports::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode,
    Guest, GuestDescriptor, GuestDirectoryEntryStream, MetadataHashValue, OpenFlags, PathFlags,
};
use super::bindings::exports::wasi::io::streams::{InputStream, OutputStream};
use super::streams::{Input, Output};
use crate::tree::{Fault, Node, Open};

/// Most that the folder holds, bytes.
const SCRATCH_BYTES: usize = 512 << 20;
/// Most files and folders in it.
const SCRATCH_NODES: usize = 65_536;
/// Where it is.
const SCRATCH: &str = "/scratch";

static ROOT: Single<Option<Rc<Node>>> = Single::new(None);

fn root() -> Rc<Node> {
    ROOT.get().get_or_insert_with(|| Node::root(SCRATCH_BYTES, SCRATCH_NODES)).clone()
}

/// An open file or folder.
pub(super) struct Opened {
    node: Rc<Node>,
    flags: u8,
}

/// The bits of `descriptor-flags` that count here.
const READ: u8 = 1;
const WRITE: u8 = 1 << 1;
const MUTATE: u8 = 1 << 5;

impl Opened {
    fn allowed(&self, flag: u8) -> Result<&Rc<Node>, ErrorCode> {
        if self.flags & flag == flag { Ok(&self.node) } else { Err(ErrorCode::NotPermitted) }
    }
}

impl GuestDescriptor for Opened {
    fn read_via_stream(&self, offset: u64) -> Result<InputStream, ErrorCode> {
        let node = self.allowed(READ)?;
        if node.is_directory() {
            return Err(ErrorCode::IsDirectory);
        }
        Ok(InputStream::new(Input::File { node: node.clone(), position: Cell::new(offset) }))
    }

    fn write_via_stream(&self, offset: u64) -> Result<OutputStream, ErrorCode> {
        let node = self.allowed(WRITE)?;
        if node.is_directory() {
            return Err(ErrorCode::IsDirectory);
        }
        Ok(OutputStream::new(Output::File { node: node.clone(), position: Cell::new(offset) }))
    }

    fn append_via_stream(&self) -> Result<OutputStream, ErrorCode> {
        let node = self.allowed(WRITE)?;
        if node.is_directory() {
            return Err(ErrorCode::IsDirectory);
        }
        Ok(OutputStream::new(Output::Appended(node.clone())))
    }

    fn get_flags(&self) -> Result<DescriptorFlags, ErrorCode> {
        Ok(DescriptorFlags::from_bits_retain(self.flags))
    }

    fn read_directory(&self) -> Result<DirectoryEntryStream, ErrorCode> {
        let mut names = self.allowed(READ)?.names().map_err(code)?;
        // The stream hands them out from the end.
        names.reverse();
        Ok(DirectoryEntryStream::new(Entries(RefCell::new(names))))
    }

    fn create_directory_at(&self, path: String) -> Result<(), ErrorCode> {
        self.allowed(MUTATE)?.create_directory(&path).map_err(code)
    }

    fn stat(&self) -> Result<DescriptorStat, ErrorCode> {
        Ok(stat(&self.node))
    }

    fn stat_at(&self, _: PathFlags, path: String) -> Result<DescriptorStat, ErrorCode> {
        Ok(stat(&*self.node.find(&path).map_err(code)?))
    }

    fn open_at(
        &self,
        _: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> Result<Descriptor, ErrorCode> {
        let has = |flag: OpenFlags| how.bits() & flag.bits() != 0;
        let open = Open {
            create: has(OpenFlags::CREATE),
            exclusive: has(OpenFlags::EXCLUSIVE),
            directory: has(OpenFlags::DIRECTORY),
            truncate: has(OpenFlags::TRUNCATE),
        };
        if open.create || open.truncate || flags.bits() & WRITE != 0 {
            self.allowed(MUTATE)?;
        }
        let node = self.node.open(&path, open).map_err(code)?;
        if node.is_directory() && flags.bits() & WRITE != 0 {
            return Err(ErrorCode::IsDirectory);
        }
        // A folder may be used for what the one may that it was opened through, whatever was asked for: so hosts do it.
        let flags = if node.is_directory() { READ | self.flags & MUTATE } else { flags.bits() };
        Ok(Descriptor::new(Opened { node, flags }))
    }

    fn remove_directory_at(&self, path: String) -> Result<(), ErrorCode> {
        self.allowed(MUTATE)?.remove_directory(&path).map_err(code)
    }

    fn unlink_file_at(&self, path: String) -> Result<(), ErrorCode> {
        self.allowed(MUTATE)?.remove_file(&path).map_err(code)
    }

    fn metadata_hash(&self) -> Result<MetadataHashValue, ErrorCode> {
        Ok(metadata_hash(&self.node))
    }

    fn metadata_hash_at(&self, _: PathFlags, path: String) -> Result<MetadataHashValue, ErrorCode> {
        Ok(metadata_hash(&*self.node.find(&path).map_err(code)?))
    }
}

fn kind(is_directory: bool) -> DescriptorType {
    if is_directory { DescriptorType::Directory } else { DescriptorType::RegularFile }
}

fn stat(node: &Node) -> DescriptorStat {
    DescriptorStat {
        type_: kind(node.is_directory()),
        link_count: 1,
        size: node.size() as u64,
        data_access_timestamp: None,
        data_modification_timestamp: None,
        status_change_timestamp: None,
    }
}

fn metadata_hash(node: &Node) -> MetadataHashValue {
    MetadataHashValue { lower: node.number(), upper: 0 }
}

/// What is left of a folder's entries.
pub(super) struct Entries(RefCell<Vec<(String, bool)>>);

impl GuestDirectoryEntryStream for Entries {
    fn read_directory_entry(&self) -> Result<Option<DirectoryEntry>, ErrorCode> {
        let next = self.0.borrow_mut().pop();
        Ok(next.map(|(name, is_directory)| DirectoryEntry { type_: kind(is_directory), name }))
    }
}

fn code(fault: Fault) -> ErrorCode {
    match fault {
        Fault::NoEntry => ErrorCode::NoEntry,
        Fault::Exists => ErrorCode::Exist,
        Fault::NotDirectory => ErrorCode::NotDirectory,
        Fault::IsDirectory => ErrorCode::IsDirectory,
        Fault::NotEmpty => ErrorCode::NotEmpty,
        Fault::NotPermitted => ErrorCode::NotPermitted,
        Fault::Invalid => ErrorCode::Invalid,
        Fault::NameTooLong => ErrorCode::NameTooLong,
        Fault::NoSpace => ErrorCode::InsufficientSpace,
    }
}

impl Guest for Component {
    type Descriptor = Opened;
    type DirectoryEntryStream = Entries;
}

impl preopens::Guest for Component {
    fn get_directories() -> Vec<(Descriptor, String)> {
        vec![(Descriptor::new(Opened { node: root(), flags: READ | MUTATE }), String::from(SCRATCH))]
    }
}
