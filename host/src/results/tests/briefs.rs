//! Invocations as numbers only.

use std::ops::ControlFlow;

use super::super::row::{Invocation, Outcome};
use super::super::*;
use super::fixture::{Place, invocation, new_run};

on_both!(briefs_say_what_the_rows_say, strange_names_stay_whole, a_reader_of_briefs_may_stop);

fn brief_of(stored: &Stored<Invocation>, group: u32) -> Brief {
    let row = &stored.row;
    Brief {
        id: stored.invocation(),
        group,
        process: row.process,
        round: row.round,
        repetition: row.repetition,
        start_unix_ns: row.start_unix_ns,
        is_cold: row.is_cold,
        wall_ns: row.wall_ns,
        user_ns: row.user_ns,
        system_ns: row.system_ns,
        is_error: matches!(row.outcome, Outcome::Error { .. }),
    }
}

async fn briefs_say_what_the_rows_say(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    let number = recorder.run().number;
    let empty = store.for_each_brief(number, &Filter::default(), |_, _| panic!("no rows yet")).await.unwrap();
    assert_eq!(empty, []);
    assert_eq!(store.last_process(number).await.unwrap(), None);
    // Two pages and a bit; the later half of each pair is recorded first.
    for repetition in 0..4_500 {
        let (first, second) = (recorder.reserve(), recorder.reserve());
        let failed = Invocation {
            process: None,
            wall_ns: None,
            start_unix_ns: -5,
            outcome: Outcome::Error { kind: "limit".into(), message: "out of memory".into() },
            ..invocation(1)
        };
        recorder.record((second, failed)).unwrap();
        recorder.record((first, invocation(repetition))).unwrap();
    }
    recorder.record((recorder.reserve(), Invocation { process: Some(7), ..invocation(0) })).unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    assert_eq!(store.last_process(number).await.unwrap(), Some(7));
    for filter in [Filter::default(), Filter { engine: Some("wasm".into()), is_cold: Some(false), ..Filter::default() }]
    {
        let mut briefs = Vec::new();
        let groups = store
            .for_each_brief(number, &filter, |brief, group| {
                briefs.push((brief, group.engine.clone()));
                ControlFlow::Continue(())
            })
            .await
            .unwrap();
        let rows = store.rows::<Invocation>(number, &filter).await.unwrap();
        let group_of = |engine: &str| groups.iter().position(|group| group.engine == engine).unwrap() as u32;
        let expected = rows.iter().map(|row| (brief_of(row, group_of(&row.row.engine)), row.row.engine.clone()));
        assert!(expected.eq(briefs.iter().cloned()), "{filter:?}");
        assert_eq!(groups.len(), if filter.engine.is_some() { 1 } else { 2 });
        assert_eq!((groups[0].experiment.as_str(), groups[0].platform.as_str()), ("time", "process"));
    }
}

async fn strange_names_stay_whole(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    let names = ["", "a,b", "a\nb", "\"quoted\"", "\\n", "größe", "['x']", "1"];
    for name in names {
        let row = Invocation { function: name.into(), size: "a,\n".into(), ..invocation(0) };
        recorder.record((recorder.reserve(), row)).unwrap();
    }
    recorder.finish(RunStatus::Complete).await.unwrap();
    let mut seen = 0;
    let groups = store
        .for_each_brief(recorder.run().number, &Filter::default(), |brief, group| {
            assert_eq!(
                (brief.group, group.function.as_str(), group.size.as_str()),
                (seen, names[seen as usize], "a,\n")
            );
            seen += 1;
            ControlFlow::Continue(())
        })
        .await
        .unwrap();
    assert_eq!(groups.len(), names.len());
}

async fn a_reader_of_briefs_may_stop(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    for repetition in 0..10 {
        recorder.record((recorder.reserve(), invocation(repetition))).unwrap();
    }
    recorder.flush().await.unwrap();
    let mut seen = 0;
    let stop_at_three = |_: Brief, _: &BriefGroup| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.for_each_brief(recorder.run().number, &Filter::default(), stop_at_three).await.unwrap();
    assert_eq!(seen, 3);
}
