//! Which instance serves which invocation: the rules, without any waiting of their own.
//!
//! Whoever wants an instance gets one that has room, or starts one where there may be another, or waits in turn. An instance
//! counts until it is gone, so that there are never more than the maximum. While anybody waits there is nothing free: what
//! becomes free goes to the first who waits.

use std::collections::VecDeque;
use std::time::Duration;

use slab::Slab;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// When one looks again whose keep-alive time is too long to be a time.
const A_LONG_TIME: Duration = Duration::from_secs(86_400);
/// Instances that begin at once, from which on no further one is started ahead: each takes memory, processes, connections.
const MOST_STARTING: u32 = 64;

/// How many instances there may be, and how they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) minimum: u32,
    pub(crate) maximum: u32,
    pub(crate) concurrency: u32,
    /// Zero: each invocation has an instance of its own.
    pub(crate) keep_alive: Duration,
    pub(crate) queue: u32,
}

impl Rules {
    /// Whether an instance serves one invocation and no other.
    pub(crate) fn is_single_use(&self) -> bool {
        self.keep_alive.is_zero()
    }

    fn room(&self) -> u32 {
        if self.is_single_use() { 1 } else { self.concurrency.max(1) }
    }
}

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A caller who waits for the answer: bounded by the queue.
    Waiting,
    /// A call whose answer is fetched later: bounded elsewhere, and served when nobody else waits.
    Later,
}

/// An instance in its place.
pub(crate) struct Place<I> {
    pub(crate) key: usize,
    pub(crate) instance: I,
    /// Which of the instance's invocations this is, from 1.
    pub(crate) invocation: u64,
}

/// What one who waited gets.
pub(crate) enum Grant<I> {
    /// An instance with room for it.
    Instance(Place<I>),
    /// Leave to start one.
    Start,
}

/// What one who asks gets.
pub(crate) enum Turn<I> {
    /// At once.
    Now(Grant<I>),
    /// Later; the number is to be given back when the wait is given up.
    Wait(u64, oneshot::Receiver<Grant<I>>),
    /// Too many wait already: that many.
    Full(u32),
    /// This pool takes nobody any more.
    Closed,
}

struct Slot<I> {
    instance: I,
    active: u32,
    served: u64,
    is_retired: bool,
    /// Since when nobody uses it.
    idle_since: Instant,
}

struct Waiter<I> {
    number: u64,
    grant: oneshot::Sender<Grant<I>>,
}

/// One instance, for people.
pub(crate) struct Seen<I> {
    pub(crate) instance: I,
    pub(crate) active: u32,
    pub(crate) served: u64,
}

/// The instances of one pool and those who wait for them.
pub(crate) struct Schedule<I> {
    rules: Rules,
    slots: Slab<Slot<I>>,
    /// Unused instances, those used last at the end.
    idle: VecDeque<usize>,
    /// Instances in use that have room for more.
    partial: Vec<usize>,
    /// Instances in their places that are to end with their last user.
    retired: u32,
    starting: u32,
    stopping: u32,
    waiting: VecDeque<Waiter<I>>,
    later: VecDeque<Waiter<I>>,
    next_number: u64,
    is_closed: bool,
    /// Whether whoever ends idle instances has set its alarm.
    alarm_is_set: bool,
}

/// What a change leaves to do.
#[derive(Default)]
pub(crate) struct Todo<I> {
    /// Instances that are out of the pool and to be ended; each is to be reported by [`Schedule::gone`].
    pub(crate) end: Vec<I>,
    /// Whether the keeper is to look.
    pub(crate) wake_keeper: bool,
}

impl<I> Todo<I> {
    fn none() -> Todo<I> {
        Todo { end: Vec::new(), wake_keeper: false }
    }
}

/// What the keeper has to do.
pub(crate) struct Round<I> {
    /// As in [`Todo`].
    pub(crate) end: Vec<I>,
    /// When to look again.
    pub(crate) next: Option<Instant>,
    /// Instances to start ahead, each already counted as starting.
    pub(crate) start: u32,
}

impl<I: Clone> Schedule<I> {
    pub(crate) fn new(rules: Rules) -> Schedule<I> {
        Schedule {
            rules,
            slots: Slab::new(),
            idle: VecDeque::new(),
            partial: Vec::new(),
            retired: 0,
            starting: 0,
            stopping: 0,
            waiting: VecDeque::new(),
            later: VecDeque::new(),
            next_number: 0,
            is_closed: false,
            alarm_is_set: false,
        }
    }

    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }

    /// Instances that there are, begin, or are not gone yet.
    pub(crate) fn total(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX) + self.starting + self.stopping
    }

    /// Instances that serve or could.
    pub(crate) fn live(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// Those who wait, of both classes.
    pub(crate) fn waiting(&self) -> u32 {
        u32::try_from(self.waiting.len() + self.later.len()).unwrap_or(u32::MAX)
    }

    /// Whether it was closed and nothing is left of it.
    pub(crate) fn is_over(&self) -> bool {
        self.is_closed && self.total() == 0 && self.waiting() == 0
    }

    pub(crate) fn seen(&self) -> Vec<Seen<I>> {
        let seen = |(_, slot): (usize, &Slot<I>)| Seen {
            instance: slot.instance.clone(),
            active: slot.active,
            served: slot.served,
        };
        self.slots.iter().map(seen).collect()
    }

    /// Someone asks for an instance.
    pub(crate) fn take(&mut self, class: Class) -> Turn<I> {
        if self.is_closed {
            return Turn::Closed;
        }
        if let Some(grant) = self.grant() {
            return Turn::Now(grant);
        }
        let full = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        if class == Class::Waiting && full >= self.rules.queue {
            return Turn::Full(full);
        }
        let (grant, granted) = oneshot::channel();
        let number = self.next_number;
        self.next_number += 1;
        let waiter = Waiter { number, grant };
        match class {
            Class::Waiting => self.waiting.push_back(waiter),
            Class::Later => self.later.push_back(waiter),
        }
        Turn::Wait(number, granted)
    }

    /// One who waited gives up. False when it is too late: the grant is on its way.
    pub(crate) fn give_up(&mut self, number: u64) -> bool {
        for queue in [&mut self.waiting, &mut self.later] {
            if let Ok(index) = queue.binary_search_by_key(&number, |waiter| waiter.number) {
                queue.remove(index);
                return true;
            }
        }
        false
    }

    /// What is free: room in an instance, or leave to start one.
    fn grant(&mut self) -> Option<Grant<I>> {
        let free = self.partial.last().copied().or_else(|| self.idle.pop_back());
        if let Some(key) = free {
            let slot = &mut self.slots[key];
            slot.active += 1;
            slot.served += 1;
            let (was_idle, is_full) = (slot.active == 1, slot.active >= self.rules.room());
            let place = Place { key, instance: slot.instance.clone(), invocation: slot.served };
            match (was_idle, is_full) {
                (true, false) => self.partial.push(key),
                (false, true) => self.partial.retain(|other| *other != key),
                _ => {}
            }
            return Some(Grant::Instance(place));
        }
        if self.total() < self.rules.maximum {
            self.starting += 1;
            return Some(Grant::Start);
        }
        None
    }

    /// Gives what is free to those who wait.
    fn serve_waiting(&mut self) {
        loop {
            let from_waiting = !self.waiting.is_empty();
            if !from_waiting && self.later.is_empty() {
                return;
            }
            let Some(grant) = self.grant() else { return };
            let queue = if from_waiting { &mut self.waiting } else { &mut self.later };
            let Some(waiter) = queue.pop_front() else { return };
            if let Err(refused) = waiter.grant.send(grant) {
                self.take_back(refused);
            }
        }
    }

    /// Undoes a grant that nobody took.
    fn take_back(&mut self, grant: Grant<I>) {
        match grant {
            Grant::Start => self.starting -= 1,
            Grant::Instance(place) => {
                let slot = &mut self.slots[place.key];
                slot.served -= 1;
                self.make_room(place.key);
            }
        }
    }

    /// A grant that came too late for one who gave up.
    pub(crate) fn return_grant(&mut self, grant: Grant<I>) -> Todo<I> {
        match grant {
            Grant::Start => self.not_started(),
            Grant::Instance(place) => {
                self.slots[place.key].served -= 1;
                self.put_back(place.key, true)
            }
        }
    }

    /// An instance has started, with leave of [`Grant::Start`], for the one who starts it.
    pub(crate) fn started(&mut self, instance: I) -> Place<I> {
        self.starting -= 1;
        let slot =
            Slot { instance: instance.clone(), active: 1, served: 1, is_retired: false, idle_since: Instant::now() };
        let key = self.slots.insert(slot);
        if self.rules.room() > 1 {
            self.partial.push(key);
            self.serve_waiting();
        }
        Place { key, instance, invocation: 1 }
    }

    /// An instance has started ahead of any invocation.
    pub(crate) fn started_ahead(&mut self, instance: I) -> Todo<I> {
        self.starting -= 1;
        let slot = Slot { instance, active: 1, served: 0, is_retired: false, idle_since: Instant::now() };
        let key = self.slots.insert(slot);
        self.put_back(key, true)
    }

    /// No instance came of a leave to start one.
    pub(crate) fn not_started(&mut self) -> Todo<I> {
        self.starting -= 1;
        self.serve_waiting();
        Todo { end: Vec::new(), wake_keeper: self.wants_keeper() }
    }

    /// Someone is done with an instance.
    pub(crate) fn put_back(&mut self, key: usize, is_usable: bool) -> Todo<I> {
        let Some(slot) = self.slots.get_mut(key) else { return Todo::none() };
        // One that never served was started ahead, for one invocation too.
        let is_used_up = self.rules.is_single_use() && slot.served > 0;
        let leaves = !is_usable || is_used_up || slot.is_retired;
        let nobody_comes = self.is_closed && self.waiting() == 0;
        if leaves || nobody_comes || self.total() > self.rules.maximum {
            return self.leave(key);
        }
        self.make_room(key);
        self.serve_waiting();
        Todo { end: Vec::new(), wake_keeper: self.wants_keeper() }
    }

    /// One user less, of an instance that stays.
    fn make_room(&mut self, key: usize) {
        let room = self.rules.room();
        let slot = &mut self.slots[key];
        let was_full = slot.active >= room;
        slot.active -= 1;
        if slot.active == 0 {
            slot.idle_since = Instant::now();
            if !was_full {
                self.partial.retain(|other| *other != key);
            }
            self.idle.push_back(key);
        } else if was_full && slot.active < room {
            self.partial.push(key);
        }
    }

    /// One user less, of an instance that takes no others; it ends with the last.
    fn leave(&mut self, key: usize) -> Todo<I> {
        self.mark_retired(key);
        let slot = &mut self.slots[key];
        slot.active -= 1;
        if slot.active > 0 {
            return Todo::none();
        }
        Todo { end: vec![self.remove(key)], wake_keeper: false }
    }

    fn mark_retired(&mut self, key: usize) {
        self.partial.retain(|other| *other != key);
        let slot = &mut self.slots[key];
        if !std::mem::replace(&mut slot.is_retired, true) {
            self.retired += 1;
        }
    }

    /// Takes an instance out of its place, to be ended.
    fn remove(&mut self, key: usize) -> I {
        let slot = self.slots.remove(key);
        self.retired -= u32::from(slot.is_retired);
        self.stopping += 1;
        slot.instance
    }

    /// An instance that was to be ended is gone.
    pub(crate) fn gone(&mut self) -> Todo<I> {
        self.stopping -= 1;
        self.serve_waiting();
        Todo { end: Vec::new(), wake_keeper: self.wants_keeper() }
    }

    /// An instance ended by itself. It is taken out when nobody uses it; else its users will find out.
    pub(crate) fn died(&mut self, is_it: impl Fn(&I) -> bool) -> Todo<I> {
        let Some(key) = self.slots.iter().find(|(_, slot)| is_it(&slot.instance)).map(|(key, _)| key) else {
            return Todo::none();
        };
        self.retire(key).map_or_else(Todo::none, |instance| Todo { end: vec![instance], wake_keeper: false })
    }

    /// Takes an instance out of use; out of the pool when nobody uses it.
    fn retire(&mut self, key: usize) -> Option<I> {
        self.mark_retired(key);
        if self.slots[key].active > 0 {
            return None;
        }
        self.idle.retain(|other| *other != key);
        Some(self.remove(key))
    }

    /// Takes all instances out of use, so that whoever asks next gets a new one.
    pub(crate) fn retire_all(&mut self) -> Todo<I> {
        let keys: Vec<_> = self.slots.iter().map(|(key, _)| key).collect();
        let end = keys.into_iter().filter_map(|key| self.retire(key)).collect();
        Todo { end, wake_keeper: true }
    }

    /// Takes nobody any more; who waits is still served.
    pub(crate) fn close(&mut self) -> Todo<I> {
        self.is_closed = true;
        if self.waiting() > 0 {
            return Todo { end: Vec::new(), wake_keeper: true };
        }
        self.retire_all()
    }

    /// Takes nobody any more and sends away who waits.
    pub(crate) fn abandon(&mut self) -> Todo<I> {
        self.is_closed = true;
        self.waiting.clear();
        self.later.clear();
        self.retire_all()
    }

    /// Other rules from now on.
    pub(crate) fn change(&mut self, rules: Rules) -> Todo<I> {
        self.rules = rules;
        let mut end = Vec::new();
        while self.total() - self.stopping > rules.maximum {
            let Some(key) = self.idle.front().copied() else { break };
            end.extend(self.retire(key));
        }
        let room = rules.room();
        let has_room =
            |(key, slot): (usize, &Slot<I>)| (!slot.is_retired && (1..room).contains(&slot.active)).then_some(key);
        self.partial = self.slots.iter().filter_map(has_room).collect();
        self.serve_waiting();
        Todo { end, wake_keeper: true }
    }

    /// Leave to start one instance ahead, when there may be another.
    pub(crate) fn begin_ahead(&mut self) -> bool {
        let may = !self.is_closed && self.total() < self.rules.maximum;
        self.starting += u32::from(may);
        may
    }

    fn missing(&self) -> u32 {
        if self.is_closed {
            return 0;
        }
        let minimum = self.rules.minimum.min(self.rules.maximum);
        // Those that are going don't count for the minimum, but do for the maximum.
        let missing = minimum.saturating_sub(self.live() - self.retired + self.starting);
        missing.min(self.rules.maximum.saturating_sub(self.total()))
    }

    /// Whether the minimum is there.
    pub(crate) fn has_minimum(&self) -> bool {
        let minimum = self.rules.minimum.min(self.rules.maximum);
        self.live() - self.retired >= minimum
    }

    /// Whether the keeper has something to do.
    pub(crate) fn wants_keeper(&self) -> bool {
        let wants_alarm = !self.alarm_is_set && !self.idle.is_empty() && self.live() > self.rules.minimum;
        wants_alarm || self.missing() > 0 || self.is_closed
    }

    /// The keeper looks: what has been idle for too long ends, what is missing is to be started.
    pub(crate) fn round(&mut self, now: Instant, may_start: bool) -> Round<I> {
        let mut end = Vec::new();
        let mut next = None;
        let keep_alive = self.rules.keep_alive;
        while let Some(key) = self.idle.front().copied() {
            if !self.is_closed {
                if self.live() <= self.rules.minimum {
                    break;
                }
                let due = self.slots[key].idle_since.checked_add(keep_alive).unwrap_or(now + A_LONG_TIME);
                if due > now {
                    next = Some(due);
                    break;
                }
            }
            end.extend(self.retire(key));
        }
        let may_begin = MOST_STARTING.saturating_sub(self.starting);
        let start = if may_start { self.missing().min(may_begin) } else { 0 };
        self.starting += start;
        self.alarm_is_set = next.is_some();
        Round { end, next, start }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
