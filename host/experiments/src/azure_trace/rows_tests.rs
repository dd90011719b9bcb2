#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn read(text: &str, window: Window) -> Result<Trace, TraceError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    read_rows(file.path(), window)
}

#[test]
fn a_call_begins_before_its_end() {
    let text = "app,func,end_timestamp,duration\na,f,61.5,1.25\na,g,200.0,1\na,f,60.75,0.25\nb,f,60.5,1.0\n";
    let trace = read(text, Window { from_minute: 1, minutes: 1 }).unwrap();
    // Of b's call only the end lies in the window.
    assert_eq!(trace.functions.len(), 1);
    assert_eq!(trace.functions[0].name, "a/f");
    assert_eq!(trace.functions[0].calls, Calls::Listed(vec![(0.25, 1.25), (0.5, 0.25)]));
}

#[test]
fn malformed_rows_and_other_files_are_told() {
    let text = "app,func,end_timestamp,duration\na,f,1.5,x\na,,1.5,1\na,f,nan,1\na,f,2.5,1\n";
    let trace = read(text, Window { from_minute: 0, minutes: 1 }).unwrap();
    let told = &trace.malformed[0].1.told;
    assert_eq!((trace.malformed[0].1.rows, trace.malformed[0].1.read), (3, 4));
    assert!(told[0].starts_with("line 2: column 4 (`duration`) is `x`"), "{told:?}");
    assert!(told[1].starts_with("line 3: column 2") && told[2].starts_with("line 4: column 3"), "{told:?}");
    let said = read("app,func,start,duration\n", Window { from_minute: 0, minutes: 1 }).unwrap_err().to_string();
    assert!(said.contains("app,func,end_timestamp,duration"), "{said}");
    assert!(matches!(
        read("app,func,end_timestamp,duration\n", Window { from_minute: 0, minutes: 1 }),
        Err(TraceError::Empty { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_call_of_the_window_is_there_once_in_the_order_of_time(calls in prop::collection::vec((0u8..4, 0u32..300_000, 0u32..5_000), 1..80)) {
        let mut text = "app,func,end_timestamp,duration\n".to_owned();
        for (function, begin_ms, duration_ms) in &calls {
            let (end, duration) = (f64::from(begin_ms + duration_ms) / 1e3, f64::from(*duration_ms) / 1e3);
            text.push_str(&format!("a,f{function},{end},{duration}\n"));
        }
        let window = Window { from_minute: 1, minutes: 3 };
        // A begin at the window's very edge may fall on either side by rounding.
        let near = |begin_ms: u32, edge: u32| begin_ms.abs_diff(edge) <= 1;
        prop_assume!(calls.iter().all(|(_, begin, _)| !near(*begin, 60_000) && !near(*begin, 240_000)));
        let expected = calls.iter().filter(|(_, begin, _)| (60_000..240_000).contains(begin)).count();
        match read(&text, window) {
            Ok(trace) => {
                prop_assert_eq!(trace.functions.iter().map(TracedFunction::count).sum::<u64>(), expected as u64);
                for function in &trace.functions {
                    let Calls::Listed(calls) = &function.calls else { panic!("they are listed") };
                    prop_assert!(calls.is_sorted_by(|one, other| one.0 <= other.0));
                }
            }
            Err(_) => prop_assert_eq!(expected, 0),
        }
    }
}
