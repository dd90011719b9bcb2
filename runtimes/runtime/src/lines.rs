//! Lines from a blocking stream, for protocols that send an event per line.

use std::io::{self, BufRead, Read};
use std::thread;

use tokio::sync::mpsc;

/// One line of a stream, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// All of it.
    Whole(Vec<u8>),
    /// It was longer than it may be; all of it was passed over.
    TooLong,
}

/// The lines of `input`, each of at most `most` bytes, read on a thread of their own and no further ahead than one line. The
/// channel closes at the end of the stream or when reading fails. What follows the last line end is a line too, unless it is
/// empty.
///
/// # Errors
/// When the thread can't be started.
pub fn lines(mut input: impl BufRead + Send + 'static, most: usize) -> io::Result<mpsc::Receiver<Line>> {
    let (sender, receiver) = mpsc::channel(1);
    let read = move || {
        while let Ok(Some(line)) = next_line(&mut input, most) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("lines".to_owned()).spawn(read)?;
    Ok(receiver)
}

fn next_line(input: &mut impl BufRead, most: usize) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    // One byte more for the line's end.
    let count = input.by_ref().take(most as u64 + 1).read_until(b'\n', &mut line)?;
    if count == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if count > most {
        skip_line(input)?;
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(Line::Whole(line)))
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let ready = match input.fill_buf() {
            Ok(ready) => ready,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = ready.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(ready.len(), |end| end + 1);
        let done = end.is_some() || ready.is_empty();
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{BufReader, Cursor};

    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8], most: usize, buffer: usize) -> Vec<Line> {
        let mut input = BufReader::with_capacity(buffer, Cursor::new(input.to_vec()));
        std::iter::from_fn(|| next_line(&mut input, most).unwrap()).collect()
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_whole() {
        let lines = read(b"abc\nabcd\nabcde\n\nab", 4, 3);
        assert_eq!(lines, [whole("abc"), whole("abcd"), Line::TooLong, whole(""), whole("ab")]);
        assert_eq!(read(b"abcdef", 4, 3), [Line::TooLong]);
        assert_eq!(read(b"", 4, 3), []);
    }

    #[tokio::test]
    async fn the_channel_closes_at_the_end() {
        let mut lines = lines(Cursor::new(b"a\nb\n".to_vec()), 10).unwrap();
        assert_eq!(lines.recv().await, Some(whole("a")));
        assert_eq!(lines.recv().await, Some(whole("b")));
        assert_eq!(lines.recv().await, None);
    }

    proptest! {
        #[test]
        fn every_line_comes_once_whatever_the_buffer(
            given in prop::collection::vec("[a-c]{0,9}", 0..9), most in 1_usize..9, buffer in 1_usize..20,
        ) {
            let text: String = given.iter().map(|line| format!("{line}\n")).collect();
            let expected: Vec<_> =
                given.iter().map(|line| if line.len() > most { Line::TooLong } else { whole(line) }).collect();
            prop_assert_eq!(read(text.as_bytes(), most, buffer), expected);
        }
    }
}
