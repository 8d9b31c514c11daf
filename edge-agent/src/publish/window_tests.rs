#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const RESEND: Duration = Duration::from_secs(10);

fn message(first: u64, last: u64) -> Message {
    Message {
        first,
        last,
        body: format!("{{\"seq\":{first}}}").into_bytes(),
    }
}

fn window() -> (Window, StreamId, Instant) {
    let now = Instant::now();
    let mut window = Window::new(Limits::default(), RESEND);
    let stream = window.add_stream(u64::MAX);
    (window, stream, now)
}

/// Hands out everything there is: (stream, last, from, again).
fn drain(window: &mut Window, now: Instant) -> Vec<(usize, u64, u64, bool)> {
    std::iter::from_fn(|| {
        window
            .next(now)
            .map(|s| (s.token.stream.0, s.token.last, s.from, s.again))
    })
    .collect()
}

#[test]
fn a_message_is_sent_once_and_forgotten_when_confirmed() {
    let (mut window, stream, now) = window();
    for seq in 1..=3 {
        window.offer(stream, message(seq, seq));
    }
    assert_eq!(
        drain(&mut window, now),
        [(0, 1, 1, false), (0, 2, 1, false), (0, 3, 1, false)]
    );
    assert_eq!(
        window.confirm_through(stream, 2, now),
        Confirmed {
            messages: 2,
            observations: 2
        }
    );
    assert_eq!((window.len(), window.confirmed(stream)), (1, 2));
    assert_eq!(drain(&mut window, now), []);
}

#[test]
fn a_new_connection_sends_everything_unconfirmed_in_order() {
    let (mut window, stream, now) = window();
    for seq in 1..=3 {
        window.offer(stream, message(seq, seq));
    }
    drain(&mut window, now);
    window.confirm_through(stream, 1, now);
    window.offer(stream, message(4, 4));
    window.restart();
    assert_eq!(
        drain(&mut window, now),
        [(0, 2, 2, true), (0, 3, 2, true), (0, 4, 2, false)]
    );
}

#[test]
fn a_stalled_stream_is_sent_again_with_growing_patience_and_others_are_left_alone() {
    let (mut window, stalled, now) = window();
    let other = window.add_stream(u64::MAX);
    window.offer(stalled, message(1, 1));
    window.offer(other, message(1, 1));
    drain(&mut window, now);
    window.confirm_through(other, 1, now + Duration::from_secs(1));
    let later = now + RESEND;
    window.offer(other, message(2, 2));
    drain(&mut window, later);
    assert_eq!(window.resend_overdue(later), 1);
    assert_eq!(drain(&mut window, later), [(0, 1, 1, true)]);
    assert_eq!(
        window.resend_overdue(later + RESEND - Duration::from_millis(1)),
        0
    );
    assert_eq!(window.resend_overdue(later + RESEND), 1, "the other one by now");
    drain(&mut window, later + RESEND);
    assert_eq!(
        window.resend_overdue(later + 2 * RESEND),
        1,
        "the first waits twice as long"
    );
}

#[test]
fn a_steady_flow_of_new_messages_does_not_hide_a_loss() {
    let (mut window, stream, now) = window();
    let mut resent = 0;
    for second in 0..25 {
        let now = now + Duration::from_secs(second);
        window.offer(stream, message(second + 1, second + 1));
        resent += window.resend_overdue(now);
        drain(&mut window, now);
    }
    assert_eq!(resent, 1, "after 10 s, and then after 20 more");
}

#[test]
fn a_slow_but_steady_confirmation_is_no_loss() {
    let (mut window, stream, mut now) = window();
    for seq in 1..=5 {
        window.offer(stream, message(seq, seq));
        drain(&mut window, now);
        let overdue = window.resend_overdue(now + RESEND);
        drain(&mut window, now + RESEND);
        assert_eq!(overdue, usize::from(seq == 1), "only the first wait is too short");
        now += Duration::from_secs(12);
        window.confirm_through(stream, seq, now);
    }
}

#[test]
fn a_confirmation_in_the_middle_of_a_message_keeps_it_and_moves_from() {
    let (mut window, stream, now) = window();
    window.offer(stream, message(1, 10));
    assert_eq!(window.confirm_through(stream, 4, now), Confirmed::default());
    assert_eq!(drain(&mut window, now), [(0, 10, 5, false)]);
}

#[test]
fn a_confirmation_from_before_the_start_counts_for_what_is_offered_later() {
    let (mut window, stream, now) = window();
    window.confirm_through(stream, 5, now);
    assert_eq!(
        window.offer(stream, message(1, 3)),
        Confirmed {
            messages: 1,
            observations: 3
        }
    );
    window.offer(stream, message(4, 6));
    assert_eq!(drain(&mut window, now), [(0, 6, 6, false)]);
}

#[test]
fn a_confirmation_of_numbers_never_used_is_not_believed() {
    let now = Instant::now();
    let mut window = Window::new(Limits::default(), RESEND);
    let stream = window.add_stream(3);
    assert!(window.is_ahead(stream, 4, false) && !window.is_ahead(stream, 3, true));
    window.confirm_through(stream, 100, now);
    assert_eq!(window.confirmed(stream), 0);
    window.offer(stream, message(4, 4));
    assert_eq!(drain(&mut window, now).len(), 1);
}

#[test]
fn a_confirmation_ahead_of_what_was_sent_changes_nothing() {
    let now = Instant::now();
    let mut window = Window::new(Limits::default(), RESEND);
    let stream = window.add_stream(3);
    for seq in 4..=6 {
        window.offer(stream, message(seq, seq));
    }
    assert_eq!(window.next(now).map(|sending| sending.token.last), Some(4));
    window.confirm_through(stream, 100, now);
    assert_eq!((window.confirmed(stream), window.len()), (0, 3));
    assert_eq!(drain(&mut window, now), [(0, 5, 4, false), (0, 6, 4, false)]);
    window.confirm_through(stream, 6, now);
    assert_eq!(window.len(), 0);
}

#[test]
fn what_the_broker_had_retained_knows_nothing_of_this_connection() {
    let now = Instant::now();
    let mut window = Window::new(Limits::default(), RESEND);
    let stream = window.add_stream(3);
    window.restart();
    window.offer(stream, message(4, 6));
    drain(&mut window, now);
    assert!(window.is_ahead(stream, 4, true) && !window.is_ahead(stream, 4, false));
    window.restart();
    assert!(!window.is_ahead(stream, 6, true) && window.is_ahead(stream, 7, true));
}

#[test]
fn deliveries_out_of_order_keep_what_is_missing() {
    let (mut window, stream, now) = window();
    for seq in 1..=3 {
        window.offer(stream, message(seq, seq));
    }
    drain(&mut window, now);
    window.confirm_delivered(Token { stream, last: 2 }, now);
    assert_eq!((window.len(), window.confirmed(stream)), (3, 0));
    window.restart();
    assert_eq!(drain(&mut window, now), [(0, 1, 1, true), (0, 3, 1, true)]);
    window.confirm_delivered(Token { stream, last: 1 }, now);
    assert_eq!((window.len(), window.confirmed(stream)), (1, 2));
}

#[test]
fn the_bounds_hold() {
    let now = Instant::now();
    let mut window = Window::new(
        Limits {
            messages: 2,
            bytes: 20,
        },
        RESEND,
    );
    let stream = window.add_stream(u64::MAX);
    assert!(window.has_room());
    window.offer(
        stream,
        Message {
            first: 1,
            last: 1,
            body: vec![b' '; 50],
        },
    );
    assert!(!window.has_room(), "one large message is taken, not two");
    window.confirm_through(stream, 1, now);
    window.offer(stream, message(2, 2));
    assert!(window.has_room());
    window.offer(stream, message(3, 3));
    assert!(!window.has_room());
}

#[derive(Debug, Clone)]
enum Step {
    Offer(usize, u64),
    Send,
    /// The ingester confirms its contiguous prefix to the agent.
    Ack(usize),
    /// What was sent and not yet received is lost, and the connection is new.
    Cut,
    /// One message that is under way is lost, unnoticed.
    Lose,
    Receive,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..3, 1u64..4).prop_map(|(s, n)| Step::Offer(s, n)),
        Just(Step::Send),
        Just(Step::Send),
        Just(Step::Receive),
        Just(Step::Receive),
        (0usize..3).prop_map(Step::Ack),
        Just(Step::Cut),
        Just(Step::Lose),
        (1u64..40).prop_map(Step::Wait),
    ]
}

/// An ingester that keeps a set and acknowledges the contiguous prefix from `from` on.
#[derive(Default)]
struct Ingester {
    have: BTreeSet<u64>,
    acked: u64,
}

impl Ingester {
    fn receive(&mut self, first: u64, last: u64, from: u64) {
        self.have.extend(first..=last);
        self.acked = self.acked.max(from - 1);
        while self.have.contains(&(self.acked + 1)) {
            self.acked += 1;
        }
    }
}

proptest! {
    /// Whatever is lost on the way: nothing unreceived is ever forgotten, order holds within a connection, and once
    /// the losses end everything is confirmed.
    #[test]
    fn nothing_is_forgotten_before_it_arrived(steps in proptest::collection::vec(step(), 1..200)) {
        let mut now = Instant::now();
        let mut window = Window::new(Limits { messages: 8, bytes: 1 << 20 }, RESEND);
        let ids: Vec<StreamId> = (0..3).map(|_| window.add_stream(u64::MAX)).collect();
        let mut next = [1u64; 3];
        let mut ingesters: [Ingester; 3] = Default::default();
        let mut wire: VecDeque<(usize, u64, u64, u64)> = VecDeque::new();
        let check = |window: &Window, ingesters: &[Ingester; 3]| {
            for (i, id) in ids.iter().enumerate() {
                assert!((1..=window.confirmed(*id)).all(|seq| ingesters[i].have.contains(&seq)));
            }
        };
        for step in steps {
            match step {
                Step::Offer(s, n) if window.has_room() => {
                    window.offer(ids[s], message(next[s], next[s] + n - 1));
                    next[s] += n;
                }
                Step::Offer(..) => {}
                Step::Send => if let Some(s) = window.next(now) {
                    let stream = s.token.stream.0;
                    let first = s.token.last + 1 - s.observations;
                    let (last, from) = (s.token.last, s.from);
                    prop_assert_eq!(from, window.confirmed(ids[stream]) + 1);
                    wire.push_back((stream, first, last, from));
                },
                Step::Receive => if let Some((s, first, last, from)) = wire.pop_front() {
                    ingesters[s].receive(first, last, from);
                },
                Step::Lose => drop(wire.pop_front()),
                Step::Ack(s) => drop(window.confirm_through(ids[s], ingesters[s].acked, now)),
                Step::Cut => { wire.clear(); window.restart(); }
                Step::Wait(seconds) => { now += Duration::from_secs(seconds); window.resend_overdue(now); }
            }
            check(&window, &ingesters);
        }
        for _ in 0..10 {
            now += Duration::from_secs(120);
            window.resend_overdue(now);
            let mut seen = [0u64; 3];
            while let Some(s) = window.next(now) {
                let (stream, last) = (s.token.stream.0, s.token.last);
                wire.push_back((stream, last + 1 - s.observations, last, s.from));
                seen[stream] = seen[stream].max(last);
            }
            while let Some((s, first, last, from)) = wire.pop_front() {
                ingesters[s].receive(first, last, from);
            }
            for (s, id) in ids.iter().enumerate() {
                window.confirm_through(*id, ingesters[s].acked, now);
            }
        }
        prop_assert_eq!(window.len(), 0);
        prop_assert_eq!(window.bytes, 0);
        for s in 0..3 { prop_assert_eq!(ingesters[s].acked, next[s] - 1); }
    }
}
