//! Sleeping and waiting inside a guest's time: `wasi:io/poll` and the clocks' alarms, on the guest's own thread.
//!
//! wasmtime-wasi would wait in tokio, as long as the guest likes. Here everything else that can be waited for is ready at
//! once (files are read and written at once, there are no sockets), so that only alarms are left: the thread sleeps until the
//! next one, until the invocation's deadline, or until it is interrupted.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::clocks::WasiClocksView as _;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as _;
use wasmtime_wasi::p2::bindings::io::poll::{Host, HostPollable};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::state::State;

/// The interfaces whose functions are replaced, as this version of wasmtime-wasi names them.
const POLL_INTERFACE: &str = "wasi:io/poll@0.2.12";
const CLOCK_INTERFACE: &str = "wasi:clocks/monotonic-clock@0.2.12";
/// How often something is asked that is not ready and sets no alarm. There is no such thing today.
const ASK_AGAIN: Duration = Duration::from_millis(1);

thread_local! {
    /// The earliest alarm that was asked and had not come, since this was cleared.
    static NEXT_ALARM: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A time that can be waited for; `None` is too far away to ever come.
struct Alarm(Option<Instant>);

#[async_trait::async_trait]
impl Pollable for Alarm {
    async fn ready(&mut self) {
        if self.0.is_some_and(|at| at <= Instant::now()) {
            return;
        }
        if let Some(at) = self.0 {
            NEXT_ALARM.set(Some(NEXT_ALARM.get().map_or(at, |next| next.min(at))));
        }
        std::future::pending().await
    }
}

/// Puts these functions over wasmtime-wasi's own.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut poll = linker.instance(POLL_INTERFACE)?;
    poll.func_wrap("poll", |mut store: StoreContextMut<'_, State>, (pollables,): (Vec<Resource<DynPollable>>,)| {
        let ready = wait(store.data_mut(), |table| {
            let again = pollables.iter().map(|pollable| Resource::new_borrow(pollable.rep())).collect();
            Host::poll(table, again).now_or_never()
        })?;
        Ok((ready,))
    })?;
    poll.func_wrap(
        "[method]pollable.block",
        |mut store: StoreContextMut<'_, State>, (pollable,): (Resource<DynPollable>,)| {
            wait(store.data_mut(), |table| {
                HostPollable::block(table, Resource::new_borrow(pollable.rep())).now_or_never()
            })
        },
    )?;
    let mut clock = linker.instance(CLOCK_INTERFACE)?;
    clock.func_wrap("subscribe-instant", |mut store: StoreContextMut<'_, State>, (when,): (u64,)| {
        let state = store.data_mut();
        let now = state.clocks().now()?;
        Ok((alarm(&mut state.table, when.saturating_sub(now))?,))
    })?;
    clock.func_wrap("subscribe-duration", |mut store: StoreContextMut<'_, State>, (length,): (u64,)| {
        Ok((alarm(&mut store.data_mut().table, length)?,))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn alarm(table: &mut ResourceTable, in_ns: u64) -> wasmtime::Result<Resource<DynPollable>> {
    let alarm = table.push(Alarm(Instant::now().checked_add(Duration::from_nanos(in_ns))))?;
    subscribe(table, alarm)
}

/// Asks until something is ready, and sleeps in between.
fn wait<T>(state: &mut State, ask: impl Fn(&mut ResourceTable) -> Option<wasmtime::Result<T>>) -> wasmtime::Result<T> {
    loop {
        NEXT_ALARM.set(None);
        if let Some(ready) = ask(&mut state.table) {
            return ready;
        }
        let next = NEXT_ALARM.get().unwrap_or_else(|| Instant::now() + ASK_AGAIN);
        let until = state.deadline.map_or(next, |deadline| deadline.min(next));
        state.interrupt.sleep_until(Some(until));
        if let Some(stop) = state.must_stop() {
            return Err(state.stop(stop));
        }
    }
}
