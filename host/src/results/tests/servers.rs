//! Opening: what holds for both kinds of database, and servers that can't be used.

use super::super::*;
use super::fixture::{Place, new_run};

on_both!(a_newer_schema_is_refused, an_empty_place_may_be_opened_by_several_at_once);

async fn a_newer_schema_is_refused(place: Place) {
    place.open().await.close().await;
    let later = match place.location {
        Location::File(_) => "(9000, 'later', TRUE, x'00', 0)",
        Location::Postgres(_) => "(9000, 'later', TRUE, ''::bytea, 0)",
    };
    let sql = format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES {later}"
    );
    place.raw().await.execute(&sql, &[]).await.unwrap();
    let error = place.try_open().await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9000, .. }), "{error:?}");
    let error = Store::open_existing(&place.location).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9000, .. }), "{error:?}");
}

async fn an_empty_place_may_be_opened_by_several_at_once(place: Place) {
    let openings: Vec<_> = (0..4)
        .map(|_| {
            let (location, options) = (place.location.clone(), place.options());
            // Threads of their own, so that they truly meet.
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let store = Store::open_with(&location, options).await.unwrap();
                    let run = store.create_run(new_run()).await.unwrap();
                    run.finish(RunStatus::Complete).await.unwrap();
                });
            })
        })
        .collect();
    for opening in openings {
        tokio::task::spawn_blocking(|| opening.join()).await.unwrap().unwrap();
    }
    assert_eq!(place.open().await.list_runs().await.unwrap().len(), 4);
}

#[tokio::test]
async fn servers_that_can_not_be_used_are_told_apart() {
    // Nobody listens on a port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let location = format!("postgres://me:secret@127.0.0.1:{port}/team").parse().unwrap();
    let error = Store::open(&location).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    let Some(place) = Place::postgres() else { return };
    let url = place.argument();
    let (server, _) = url.rsplit_once('/').unwrap();
    let error = Store::open(&format!("{server}/no_such_database").parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::NoDatabase { .. }), "{error:?}");
    let stranger = url.replace("postgres@", "nobody_we_know@");
    // Not so where `DATABASE_URL` names another user.
    if stranger != url {
        let error = Store::open(&stranger.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("postgres://me@{}/team?sslmode=disable", silent.local_addr().unwrap()).parse().unwrap();
    let options = StoreOptions { busy_timeout: std::time::Duration::from_millis(100), ..StoreOptions::default() };
    let error = Store::open_with(&location, options).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn other_programs_tables_are_left_alone() {
    let Some(place) = Place::postgres() else { return };
    let error = Store::open_existing(&place.location).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    // In other schemas they don't matter, whatever their names.
    place.bare("CREATE TABLE public.runs (mine TEXT); CREATE TABLE public._sqlx_migrations (mine TEXT)").await;
    let store = place.open().await;
    store.create_run(new_run()).await.unwrap().finish(RunStatus::Complete).await.unwrap();
    assert_eq!(store.list_runs().await.unwrap().len(), 1);
    // In ours they do.
    let Some(place) = Place::postgres() else { return };
    place.bare("CREATE SCHEMA faasbench; CREATE TABLE faasbench.mine (mine TEXT)").await;
    let error = place.try_open().await.unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error:?}");
}
