#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const DURATION_HEADER: &str = "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,\
    percentile_Average_1,percentile_Average_25,percentile_Average_50,percentile_Average_75,percentile_Average_99,\
    percentile_Average_100";
const MEMORY_HEADER: &str = "HashOwner,HashApp,SampleCount,AverageAllocatedMb,AverageAllocatedMb_pct1,AverageAllocatedMb_pct5,\
    AverageAllocatedMb_pct25,AverageAllocatedMb_pct50,AverageAllocatedMb_pct75,AverageAllocatedMb_pct95,\
    AverageAllocatedMb_pct99,AverageAllocatedMb_pct100";

fn call_file(rows: &[Vec<u32>], minutes: usize) -> String {
    let mut text = "HashOwner,HashApp,HashFunction,Trigger".to_owned();
    (1..=minutes).for_each(|minute| write!(text, ",{minute}").unwrap());
    for (number, counts) in rows.iter().enumerate() {
        write!(text, "\no{number},a{number},f{number},http").unwrap();
        counts.iter().for_each(|count| write!(text, ",{count}").unwrap());
    }
    text.push('\n');
    text
}

fn duration_file(functions: usize) -> String {
    let mut text = DURATION_HEADER.to_owned();
    for number in 0..functions {
        write!(text, "\no{number},a{number},f{number},25,8,1,100,1,2,10,20,40,90,100").unwrap();
    }
    text.push('\n');
    text
}

struct Day {
    folder: TempDir,
    files: Tables,
}

fn day(calls: &str, durations: &str, memory: Option<&str>) -> Day {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let files = Tables {
        calls: put("calls.csv", calls),
        durations: put("durations.csv", durations),
        memory: memory.map(|text| put("memory.csv", text)),
    };
    Day { folder, files }
}

#[test]
fn the_three_files_are_put_together() {
    let memory = format!("{MEMORY_HEADER}\no0,a0,9,120,100,101,110,120,130,140,150,160\n");
    let day = day(&call_file(&[vec![0, 3, 0, 2], vec![1, 0, 0, 0]], 4), &duration_file(2), Some(&memory));
    let trace = read_tables(&day.files, Window { from_minute: 1, minutes: 3 }).unwrap();
    // The second function is not called in the window.
    assert_eq!(trace.functions.len(), 1);
    let function = &trace.functions[0];
    assert_eq!((function.name.as_str(), function.count()), ("a0/f0", 5));
    let Calls::Counted { minutes, durations_s } = &function.calls else { panic!("{function:?}") };
    assert_eq!(minutes, &[(0, 3), (2, 2)]);
    // ms there, s here.
    assert_eq!((durations_s.at(50.0), durations_s.at(100.0)), (0.02, 0.1));
    assert_eq!(function.memory_mb.as_ref().unwrap().at(5.0), 101.0);
    drop(day.folder);
}

#[test]
fn malformed_rows_are_left_out_and_told_by_their_lines() {
    let mut calls = call_file(&[vec![1, 1], vec![2, 2], vec![3, 3]], 2);
    calls = calls.replace("o1,a1,f1,http,2,2", "o1,a1,f1,http,2,-2");
    calls.push_str("o9,a9,f9,http,1\n");
    let durations = duration_file(3).replace("o2,a2,f2,25,8,1,100,1,2,10", "o2,a2,f2,25,8,1,100,1,2,1");
    let trace = read_tables(&day(&calls, &durations, None).files, Window { from_minute: 0, minutes: 2 }).unwrap();
    assert_eq!(trace.functions.len(), 1);
    assert_eq!(trace.without_durations, 1);
    let told = &trace.malformed[0].1.told;
    assert_eq!(trace.malformed[0].1.rows, 2);
    assert!(told[0].starts_with("line 3: column 6 (`2`) is `-2`"), "{told:?}");
    assert!(told[1].starts_with("line 5: it has 5 columns, not 6"), "{told:?}");
    assert!(trace.malformed[1].1.told[0].starts_with("line 4: its percentile 25 is"), "{:?}", trace.malformed);
}

#[test]
fn a_file_of_which_much_is_malformed_is_refused() {
    let rows = vec![vec![1, 1]; 40];
    let calls = call_file(&rows, 2).replace("http,1,1", "http,1,x");
    let error =
        read_tables(&day(&calls, &duration_file(40), None).files, Window { from_minute: 0, minutes: 2 }).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("40 of 40 rows") && said.contains("line 2: column 6"), "{said}");
}

#[test]
fn another_file_is_refused_by_its_first_line() {
    let good = call_file(&[vec![1, 1]], 2);
    let window = Window { from_minute: 0, minutes: 2 };
    let wrong = good.replace("HashOwner", "Owner");
    let said = read_tables(&day(&wrong, &duration_file(1), None).files, window).unwrap_err().to_string();
    assert!(said.contains("line 1 should begin with HashOwner,HashApp") && said.contains("it has Owner,"), "{said}");
    let beyond = Window { from_minute: 1, minutes: 2 };
    let said = read_tables(&day(&good, &duration_file(1), None).files, beyond).unwrap_err().to_string();
    assert!(said.contains("to 3 or more") && said.contains("2 columns"), "{said}");
    let said = read_tables(&day(&good, &good, None).files, window).unwrap_err().to_string();
    assert!(said.contains("percentile_Average_0"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_counts_are_those_of_the_file(
        rows in prop::collection::vec(prop::collection::vec(0u32..50, 12), 1..8),
        from_minute in 0u32..6, minutes in 1u32..6,
    ) {
        let day = day(&call_file(&rows, 12), &duration_file(rows.len()), None);
        let window = Window { from_minute, minutes };
        let expected: u64 = rows.iter().flat_map(|row| &row[from_minute as usize..(from_minute + minutes) as usize]).map(|count| u64::from(*count)).sum();
        match read_tables(&day.files, window) {
            Ok(trace) => prop_assert_eq!(trace.functions.iter().map(TracedFunction::count).sum::<u64>(), expected),
            Err(error) => prop_assert!(expected == 0, "{}", error),
        }
    }
}
