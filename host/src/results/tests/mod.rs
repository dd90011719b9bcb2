//! What the store promises, through its public face, for every kind of database.

/// Makes a test for each kind of database out of functions that take a [`fixture::Place`].
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::results::tests::fixture::Place::file()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(place) = $crate::results::tests::fixture::Place::postgres() {
                    super::$name(place).await;
                }
            })+
        }
    };
}

mod briefs;
mod changes;
mod files;
mod fixture;
mod importing;
mod ledgers;
mod outages;
mod postgres_server;
mod processes;
mod recording;
mod servers;
mod trouble;
