//! The block of bytes that holds the environment.

use alloc::string::String;
use alloc::vec::Vec;

/// What the block begins with: composing finds it in the component by this, so nothing else in it may look like it.
pub const MARK: [u8; 24] = *b"faasbench environment 1\n";
/// Size of the block, bytes.
pub const BLOCK_BYTES: usize = 4096;

/// A block without variables.
pub const fn empty() -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let mut index = 0;
    while index < MARK.len() {
        block[index] = MARK[index];
        index += 1;
    }
    block
}

/// The variables in a block: after the mark, `NAME=VALUE` each with a NUL behind it, and one more NUL.
pub fn variables(block: &[u8]) -> Vec<(String, String)> {
    let rest = block.get(MARK.len()..).unwrap_or_default();
    rest.split(|byte| *byte == 0)
        .take_while(|variable| !variable.is_empty())
        .filter_map(|variable| core::str::from_utf8(variable).ok()?.split_once('='))
        .map(|(name, value)| (String::from(name), String::from(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_variables_up_to_the_first_empty_one() {
        let mut block = empty();
        assert!(variables(&block).is_empty());
        let text = b"A=1\0B=x=y\0\0C=3\0";
        block[MARK.len()..MARK.len() + text.len()].copy_from_slice(text);
        assert_eq!(variables(&block), [("A".into(), "1".into()), ("B".into(), "x=y".into())]);
    }
}
