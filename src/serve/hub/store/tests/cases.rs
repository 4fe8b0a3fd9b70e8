//! The contract, case by case: `super::script` says how they are written. Every store has the same.

use super::super::{Retention, Store};
use super::script::Script;

pub(in crate::serve) struct Case {
    pub(in crate::serve) name: &'static str,
    pub(in crate::serve) retention: Retention,
    pub(in crate::serve) script: &'static str,
}

const ALL: Retention = Retention {
    count: None,
    age: None,
};

const fn last(count: u64) -> Retention {
    Retention {
        count: Some(count),
        age: None,
    }
}

const fn young(age: i64) -> Retention {
    Retention {
        count: None,
        age: Some(age),
    }
}

const fn case(name: &'static str, retention: Retention, script: &'static str) -> Case {
    Case {
        name,
        retention,
        script,
    }
}

/// Runs every case on a new store of its own, step by step and at once.
pub(in crate::serve) async fn run_all(open: impl AsyncFn(Retention) -> Box<dyn Store>) {
    for Case {
        name,
        retention,
        script,
    } in CASES
    {
        println!("{name}");
        let mut steps = Script::new(open(*retention).await);
        steps.run(script).await;
        steps.store.close().await;
        println!("{name}, at once");
        let mut at_once = Script::new(open(*retention).await);
        if !script.contains("same") {
            at_once.run_at_once(script).await;
        }
        at_once.store.close().await;
    }
}

pub(in crate::serve) const CASES: &[Case] = &[
    case(
        "ids count up over all recipients",
        ALL,
        "
append xiao * 1
  1 message 1 xiao>* 1 0
now 7
append ada #news {\"a\":[]}
  2 message 2 ada>#news {\"a\":[]} 7
append ada @xiao 3
  3 message 3 ada>@xiao 3 7
append ada @xiao 4 quiet
  4 message 4 ada>@xiao 4 7 quiet
page xiao 0 0 10
  5 page [1 xiao>* 1 0, 3 ada>@xiao 3 7, 4 ada>@xiao 4 7 quiet] complete 4
",
    ),
    case(
        "the first and the last connection of a user are told of",
        ALL,
        "
clients
  1 clients 0: 
arrive 1 xiao
  2 welcome 1 last 0
  2 online xiao 1
arrive 2 xiao
  3 welcome 2 last 0
arrive 3 ada
  4 welcome 3 last 0
  4 online ada 3
clients
  5 clients 3: ada xiao
depart 1 1001 away 0
  6 closed xiao 1001 away
depart 2 1006  0
  7 closed xiao 1006 
  7 offline xiao 1
depart 2 1000 again 0
clients
  9 clients 1: ada
",
    ),
    case(
        "a user is in no more rooms than allowed",
        ALL,
        "
join xiao news most 2
  1 joined xiao news
  1 joins
join xiao art most 2
  2 joined xiao art
  2 joins
join xiao film most 2
  3 is in too many rooms
join xiao news most 2
  4 joins
join ada film most 2
  5 joined ada film
  5 joins
leave xiao news
  6 left xiao news
  6 leaves
join xiao film most 2
  7 joined xiao film
  7 joins
join xiao news most 1
  8 is in too many rooms
arrive 1 xiao
  9 welcome 1 last 0 in art film
  9 online xiao 1
rooms
  10 rooms: art film
",
    ),
    case(
        "a member is told of once, and the asker is answered each time",
        ALL,
        "
join xiao news
  1 joined xiao news
  1 joins
join xiao news
  2 joins
join xiao art
  3 joined xiao art
  3 joins
join ada news
  4 joined ada news
  4 joins
arrive 1 xiao
  5 welcome 1 last 0 in art news
  5 online xiao 1
rooms
  6 rooms: art news
leave xiao art
  7 left xiao art
  7 leaves
leave xiao art
  8 leaves
leave ada nowhere
  9 leaves
rooms
  10 rooms: news
",
    ),
    case(
        "a room has members or messages",
        last(1),
        "
append xiao #b 1
  1 message 1 xiao>#b 1 0
join xiao a
  2 joined xiao a
  2 joins
rooms
  3 rooms: a b
append xiao * 2
  4 message 2 xiao>* 2 0
rooms
  5 rooms: a
leave xiao a
  6 left xiao a
  6 leaves
rooms
  7 rooms: 
",
    ),
    case(
        "a member gets what is newer than the membership",
        ALL,
        "
append ada #news 1
  1 message 1 ada>#news 1 0
join xiao news
  2 joined xiao news
  2 joins
append ada #news 2
  3 message 2 ada>#news 2 0
append ada #art 3
  4 message 3 ada>#art 3 0
page xiao 0 0 10
  5 page [2 ada>#news 2 0] complete 3
room news 0 10
  6 page [1 ada>#news 1 0, 2 ada>#news 2 0] complete 3
leave xiao news
  7 left xiao news
  7 leaves
page xiao 0 0 10
  8 page [] complete 3
join xiao news
  9 joined xiao news
  9 joins
page xiao 0 0 10
  10 page [] complete 3
append ada #news 4
  11 message 4 ada>#news 4 0
page xiao 0 0 10
  12 page [4 ada>#news 4 0] complete 4
",
    ),
    case(
        "the sender has copies, unless without echo",
        ALL,
        "
append xiao @ada 1
  1 message 1 xiao>@ada 1 0
append xiao @ada 2 quiet
  2 message 2 xiao>@ada 2 0 quiet
append xiao * 3 quiet
  3 message 3 xiao>* 3 0 quiet
append xiao @xiao 4
  4 message 4 xiao>@xiao 4 0
append xiao @xiao 5 quiet
  5 message 5 xiao>@xiao 5 0 quiet
join xiao news
  6 joined xiao news
  6 joins
append xiao #news 6 quiet
  7 message 6 xiao>#news 6 0 quiet
append ada #news 7 quiet
  8 message 7 ada>#news 7 0 quiet
page xiao 0 0 10
  9 page [1 xiao>@ada 1 0, 4 xiao>@xiao 4 0, 7 ada>#news 7 0 quiet] complete 7
page ada 0 0 10
  10 page [1 xiao>@ada 1 0, 2 xiao>@ada 2 0 quiet, 3 xiao>* 3 0 quiet] complete 7
page bob 0 0 10
  11 page [3 xiao>* 3 0 quiet] complete 7
room news 5 10
  12 page [6 xiao>#news 6 0 quiet, 7 ada>#news 7 0 quiet] complete 7
",
    ),
    case(
        "pages end at their limit and go on from there",
        ALL,
        "
join xiao a
  1 joined xiao a
  1 joins
join xiao b
  2 joined xiao b
  2 joins
append ada #b 1
  3 message 1 ada>#b 1 0
append ada @xiao 2
  4 message 2 ada>@xiao 2 0
append ada #a 3
  5 message 3 ada>#a 3 0
append ada * 4
  6 message 4 ada>* 4 0
append ada #b 5
  7 message 5 ada>#b 5 0
page xiao 0 0 2
  8 page [1 ada>#b 1 0, 2 ada>@xiao 2 0] more
page xiao 2 2 2
  9 page [3 ada>#a 3 0, 4 ada>* 4 0] more
page xiao 4 4 2
  10 page [5 ada>#b 5 0] complete 5
page xiao 0 0 5
  11 page [1 ada>#b 1 0, 2 ada>@xiao 2 0, 3 ada>#a 3 0, 4 ada>* 4 0, 5 ada>#b 5 0] complete 5
page xiao 2 3 5
  12 page [4 ada>* 4 0, 5 ada>#b 5 0] complete 5
page xiao 0 4 5
  13 page [2 ada>@xiao 2 0, 5 ada>#b 5 0] complete 5
room b 0 1
  14 page [1 ada>#b 1 0] more
room b 1 1
  15 page [5 ada>#b 5 0] complete 5
room none 0 1
  16 page [] complete 5
page xiao 18446744073709551615 18446744073709551615 5
  17 page [] complete 5
",
    ),
    case(
        "messages to a user wait until they are delivered",
        ALL,
        "
append ada @xiao 1
  1 message 1 ada>@xiao 1 0
append ada @xiao 2
  2 message 2 ada>@xiao 2 0
arrive 1 xiao
  3 welcome 1 last 2 pending 1
  3 online xiao 1
delivered xiao 1
arrive 2 xiao
  5 welcome 2 last 2 delivered 1 pending 2
depart 2 1000 bye 2
  6 closed xiao 1000 bye
delivered xiao 1
depart 1 1000 bye 0
  8 closed xiao 1000 bye
  8 offline xiao 0
arrive 3 xiao
  9 welcome 1 last 2 delivered 2
  9 online xiao 1
append ada @xiao 3
  10 message 3 ada>@xiao 3 0
arrive 4 xiao
  11 welcome 2 last 3 delivered 2 pending 3
arrive 5 ada
  12 welcome 3 last 3
  12 online ada 3
",
    ),
    case(
        "an id of another epoch or of the future is not recovered from",
        ALL,
        "
append ada @bob 1
  1 message 1 ada>@bob 1 0
append ada * 2
  2 message 2 ada>* 2 0
arrive 1 xiao after 2
  3 welcome 1 last 2 recovered
  3 online xiao 1
arrive 2 xiao after 2 same
  4 welcome 2 last 2 recovered
arrive 3 xiao after 0
  5 welcome 3 last 2 recovered
arrive 4 xiao after 2 other
  6 welcome 4 last 2 oldest 2
arrive 5 xiao after 3
  7 welcome 5 last 2 oldest 2
arrive 6 xiao after 18446744073709551615
  8 welcome 6 last 2 oldest 2
",
    ),
    case(
        "a client is recovered though others' messages were forgotten",
        last(2),
        "
join xiao news
  1 joined xiao news
  1 joins
append ada * 1
  2 message 1 ada>* 1 0
append ada #art 2
  3 message 2 ada>#art 2 0
append ada #art 3
  4 message 3 ada>#art 3 0
append ada @bob 4
  5 message 4 ada>@bob 4 0
append ada #art 5
  6 message 5 ada>#art 5 0
append ada #art 6
  7 message 6 ada>#art 6 0
arrive 1 xiao after 1
  8 welcome 1 last 6 in news recovered
  8 online xiao 1
arrive 2 xiao after 0
  9 welcome 2 last 6 in news oldest 7
arrive 3 bob after 3
  10 welcome 3 last 6 oldest 7
  10 online bob 3
arrive 4 bob after 4
  11 welcome 4 last 6 recovered
arrive 5 ada after 4
  12 welcome 5 last 6 recovered
  12 online ada 5
arrive 6 ada after 3
  13 welcome 6 last 6 oldest 7
append ada #news 7
  14 message 7 ada>#news 7 0
arrive 7 xiao after 0
  15 welcome 7 last 7 in news oldest 7
",
    ),
    case(
        "what was forgotten before the membership is not missed",
        last(1),
        "
join bob news
  1 joined bob news
  1 joins
append ada #news 1
  2 message 1 ada>#news 1 0
append ada #news 2
  3 message 2 ada>#news 2 0
join xiao news
  4 joined xiao news
  4 joins
arrive 1 xiao after 0
  5 welcome 1 last 2 in news recovered
  5 online xiao 1
append ada #news 3
  6 message 3 ada>#news 3 0
arrive 2 xiao after 0
  7 welcome 2 last 3 in news recovered
append ada #news 4
  8 message 4 ada>#news 4 0
arrive 3 xiao after 2
  9 welcome 3 last 4 in news oldest 4
arrive 4 xiao after 3
  10 welcome 4 last 4 in news recovered
arrive 5 bob after 0
  11 welcome 5 last 4 in news oldest 4
  11 online bob 5
",
    ),
    case(
        "messages are forgotten by age",
        young(10),
        "
append ada * 1
  1 message 1 ada>* 1 0
now 5
append ada @xiao 2
  2 message 2 ada>@xiao 2 5
now 10
prune
room none 0 1
  4 page [] complete 2
page xiao 0 0 5
  5 page [1 ada>* 1 0, 2 ada>@xiao 2 5] complete 2
now 11
prune
page xiao 0 0 5
  7 page [2 ada>@xiao 2 5] complete 2
arrive 1 xiao after 0
  8 welcome 1 last 2 pending 2 oldest 2
  8 online xiao 1
now 100
prune
arrive 2 xiao after 1
  10 welcome 2 last 2 oldest 3
append ada * 3
  11 message 3 ada>* 3 100
",
    ),
    case(
        "nothing is kept, and still it is told",
        last(0),
        "
append ada * 1
  1 message 1 ada>* 1 0
append ada * 2
  2 message 2 ada>* 2 0
page xiao 0 0 5
  3 page [] complete 2
arrive 1 xiao after 1
  4 welcome 1 last 2 oldest 3
  4 online xiao 1
",
    ),
    case(
        "names and data are kept as they are",
        ALL,
        "
join Ünï 房间'%
  1 joined Ünï 房间'%
  1 joins
append Ünï #房间'% \"\\u0000😀'\"
  2 message 1 Ünï>#房间'% \"\\u0000😀'\" 0
append news @news 2
  3 message 2 news>@news 2 0
append news #news 3
  4 message 3 news>#news 3 0
page news 0 0 5
  5 page [2 news>@news 2 0] complete 3
room 房间'% 0 5
  6 page [1 Ünï>#房间'% \"\\u0000😀'\" 0] complete 3
rooms
  7 rooms: news 房间'%
arrive 1 Ünï
  8 welcome 1 last 3 in 房间'%
  8 online Ünï 1
",
    ),
];
