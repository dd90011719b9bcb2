//! The rules, against a model of what must always be true.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// What one may do to a schedule.
#[derive(Debug, Clone)]
enum Deed {
    Ask { later: bool },
    GiveUp(usize),
    Start { works: bool },
    PutBack { which: usize, usable: bool },
    Gone,
    Die(usize),
    RetireAll,
    Keep { later_by_ms: u64 },
    StartedAhead { works: bool },
    Change { minimum: u32, maximum: u32 },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        6 => any::<bool>().prop_map(|later| Deed::Ask { later }),
        1 => any::<usize>().prop_map(Deed::GiveUp),
        5 => any::<bool>().prop_map(|works| Deed::Start { works }),
        6 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(which, usable)| Deed::PutBack { which, usable }),
        4 => Just(Deed::Gone),
        1 => any::<usize>().prop_map(Deed::Die),
        1 => Just(Deed::RetireAll),
        2 => (0_u64..3_000).prop_map(|later_by_ms| Deed::Keep { later_by_ms }),
        3 => any::<bool>().prop_map(|works| Deed::StartedAhead { works }),
        1 => (0_u32..3, 1_u32..5).prop_map(|(minimum, maximum)| Deed::Change { minimum, maximum }),
    ];
    prop::collection::vec(deed, 0..120)
}

/// A schedule, and what its users hold.
struct World {
    schedule: Schedule<u32>,
    next_instance: u32,
    starting: u32,
    ahead: u32,
    held: Vec<(usize, u32)>,
    ending: Vec<u32>,
    /// Who waits, in the order of their asking, by class.
    waiting: [VecDeque<(u64, oneshot::Receiver<Grant<u32>>)>; 2],
    /// The highest that the maximum was since there were more instances than it allows.
    allowed: u32,
    now: Instant,
}

impl World {
    fn new(rules: Rules) -> World {
        World {
            schedule: Schedule::new(rules),
            next_instance: 0,
            starting: 0,
            ahead: 0,
            held: Vec::new(),
            ending: Vec::new(),
            waiting: [VecDeque::new(), VecDeque::new()],
            allowed: rules.maximum,
            now: Instant::now(),
        }
    }

    fn settle(&mut self, todo: Todo<u32>) {
        self.ending.extend(todo.end);
    }

    fn granted(&mut self, grant: Grant<u32>) {
        match grant {
            Grant::Start => self.starting += 1,
            Grant::Instance(place) => self.held.push((place.key, place.instance)),
        }
    }

    /// Takes what was given to those who wait; the first who asked must be the first who gets.
    fn collect(&mut self) {
        for class in 0..2 {
            let mut must_be_empty = false;
            let mut left = VecDeque::new();
            for (number, mut granted) in std::mem::take(&mut self.waiting[class]) {
                match granted.try_recv() {
                    Ok(grant) => {
                        assert!(!must_be_empty, "{number} was served before one who came earlier");
                        self.granted(grant);
                    }
                    Err(_) => {
                        must_be_empty = true;
                        left.push_back((number, granted));
                    }
                }
            }
            self.waiting[class] = left;
        }
    }

    fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Ask { later } => {
                let (class, index) = if later { (Class::Later, 1) } else { (Class::Waiting, 0) };
                let before = self.waiting[0].len();
                match self.schedule.take(class) {
                    Turn::Now(grant) => {
                        assert!(self.waiting.iter().all(VecDeque::is_empty), "somebody waited already");
                        self.granted(grant);
                    }
                    Turn::Wait(number, granted) => {
                        assert!(later || before < self.schedule.rules().queue as usize);
                        self.waiting[index].push_back((number, granted));
                    }
                    Turn::Full(_) => assert_eq!(before, self.schedule.rules().queue as usize),
                    Turn::Closed => unreachable!("it was not closed"),
                }
            }
            Deed::GiveUp(which) => {
                let index = which % 2;
                let count = self.waiting[index].len();
                if count > 0
                    && let Some((number, _)) = self.waiting[index].remove(which / 2 % count)
                {
                    assert!(self.schedule.give_up(number));
                }
            }
            Deed::Start { works } if self.starting > 0 => {
                self.starting -= 1;
                if works {
                    self.next_instance += 1;
                    let place = self.schedule.started(self.next_instance);
                    self.held.push((place.key, place.instance));
                } else {
                    let todo = self.schedule.not_started();
                    self.settle(todo);
                }
            }
            Deed::StartedAhead { works } if self.ahead > 0 => {
                self.ahead -= 1;
                self.next_instance += 1;
                let todo = match works {
                    true => self.schedule.started_ahead(self.next_instance),
                    false => self.schedule.not_started(),
                };
                self.settle(todo);
            }
            Deed::PutBack { which, usable } if !self.held.is_empty() => {
                let (key, _) = self.held.remove(which % self.held.len());
                let todo = self.schedule.put_back(key, usable);
                self.settle(todo);
            }
            Deed::Gone if !self.ending.is_empty() => {
                self.ending.pop();
                let todo = self.schedule.gone();
                self.settle(todo);
            }
            Deed::Die(which) => {
                let instance = which as u32 % (self.next_instance + 1);
                let todo = self.schedule.died(|other| *other == instance);
                self.settle(todo);
            }
            Deed::RetireAll => {
                let todo = self.schedule.retire_all();
                self.settle(todo);
            }
            Deed::Keep { later_by_ms } => {
                self.now += Duration::from_millis(later_by_ms);
                let round = self.schedule.round(self.now, true);
                self.ahead += round.start;
                self.ending.extend(round.end);
                assert!(round.next.is_none_or(|next| next > self.now));
            }
            Deed::Change { minimum, maximum } => {
                let rules = Rules { minimum: minimum.min(maximum), maximum, ..self.schedule.rules() };
                let todo = self.schedule.change(rules);
                self.settle(todo);
            }
            _ => {}
        }
        self.collect();
    }

    fn check(&mut self) {
        let rules = self.schedule.rules();
        let total = self.schedule.total();
        // After the maximum was lowered there may be more for a while, but never more than before.
        self.allowed = rules.maximum.max(self.allowed.min(total));
        assert!(total <= self.allowed, "{total} instances, {} allowed", self.allowed);
        let room = if rules.is_single_use() { 1 } else { rules.concurrency };
        let seen = self.schedule.seen();
        for one in &seen {
            let held = self.held.iter().filter(|(_, instance)| *instance == one.instance).count();
            assert_eq!(one.active as usize, held, "uses of an instance are not what is held");
            assert!(one.active <= room);
            assert!(!self.ending.contains(&one.instance), "an instance ends and serves");
        }
        assert_eq!(seen.len() as u32 + self.starting + self.ahead + self.ending.len() as u32, total);
        // Nobody waits while something is free.
        let is_waiting = self.waiting.iter().any(|queue| !queue.is_empty());
        if is_waiting {
            assert!(total >= rules.maximum, "somebody waits, and another instance could be started");
            assert!(
                self.schedule.idle.is_empty() && self.schedule.partial.is_empty(),
                "somebody waits beside a free one"
            );
        }
        assert!(self.waiting[0].len() <= rules.queue as usize);
    }

    /// Everything that was begun ends well; then nobody may be left waiting.
    fn finish(&mut self) {
        for _ in 0..10_000 {
            let is_over = self.starting == 0
                && self.ahead == 0
                && self.held.is_empty()
                && self.ending.is_empty()
                && self.waiting.iter().all(VecDeque::is_empty);
            if is_over {
                return;
            }
            self.perform(Deed::Start { works: true });
            self.perform(Deed::StartedAhead { works: true });
            self.perform(Deed::PutBack { which: 0, usable: true });
            self.perform(Deed::Gone);
            self.check();
        }
        panic!("somebody was left waiting");
    }
}

proptest! {
    #[test]
    fn never_too_many_in_order_and_nobody_is_forgotten(
        deeds in deeds(),
        concurrency in 1_u32..4,
        keep_alive_ms in prop_oneof![Just(0_u64), Just(1_000)],
        queue in 0_u32..4,
        maximum in 1_u32..4,
        minimum in 0_u32..3,
    ) {
        let keep_alive = Duration::from_millis(keep_alive_ms);
        let mut world =
            World::new(Rules { minimum: minimum.min(maximum), maximum, concurrency, keep_alive, queue });
        for deed in deeds {
            world.perform(deed);
            world.check();
        }
        world.finish();
        let todo = world.schedule.close();
        world.settle(todo);
        let round = world.schedule.round(world.now, true);
        world.ending.extend(round.end);
        prop_assert_eq!(round.start, 0);
        while !world.ending.is_empty() {
            world.perform(Deed::Gone);
        }
        prop_assert!(world.schedule.is_over());
    }
}

#[test]
fn the_instance_that_was_used_last_is_used_first_and_the_oldest_ends_first() {
    let keep_alive = Duration::from_secs(1);
    let mut schedule = Schedule::new(Rules { minimum: 0, maximum: 2, concurrency: 1, keep_alive, queue: 0 });
    let mut keys = Vec::new();
    for instance in [1, 2] {
        assert!(matches!(schedule.take(Class::Waiting), Turn::Now(Grant::Start)));
        keys.push(schedule.started(instance).key);
    }
    for key in keys {
        schedule.put_back(key, true);
    }
    let Turn::Now(Grant::Instance(place)) = schedule.take(Class::Waiting) else { panic!("one is free") };
    assert_eq!(place.instance, 2);
    let round = schedule.round(Instant::now() + keep_alive * 2, true);
    assert_eq!(round.end, [1]);
}

#[test]
fn a_large_minimum_starts_a_part_at_a_time() {
    let rules = Rules { minimum: 200, maximum: 200, concurrency: 1, keep_alive: Duration::from_secs(1), queue: 0 };
    let mut schedule = Schedule::new(rules);
    let now = Instant::now();
    assert_eq!(schedule.round(now, true).start, MOST_STARTING);
    assert_eq!(schedule.round(now, true).start, 0);
    assert!(schedule.started_ahead(0).wake_keeper);
    assert_eq!(schedule.round(now, true).start, 1);
    for instance in 1..200 {
        schedule.started_ahead(instance);
        schedule.round(now, true);
    }
    assert!(schedule.has_minimum());
}
