//! What is acknowledged lasts.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use latlas::Run;
use latlas::index::{Hnsw, HnswOptions};
use latlas::space::Provenance;
use serde_json::{Value, json};

use super::{Running, Space, ids};

const POINTS: &str = "/v1/spaces/spiral/points";
const DELETE: &str = "/v1/spaces/spiral/points/delete";
const SEARCH: &str = "/v1/spaces/spiral/search";

#[test]
fn what_is_put_is_found_at_once_read_by_others_and_part_of_the_space_in_the_end() {
    let mut running = Running::new();
    let columns = json!({"year": 1, "lang": "tr", "tags": ["x"], "seen": "2020-01-01"});
    let put = json!({"points": [{"id": "a/b c", "vector": [500.0, 0.0], "columns": columns}]});
    let told = running.client.post(POINTS, &put);
    assert_eq!(told.status, 200, "{}", told.told());
    let found = running.client.post(SEARCH, &json!({"vector": [499.0, 0.0], "k": 1})).json();
    assert_eq!(ids(&found), ["a/b c"]);
    let found = running.client.post(SEARCH, &json!({"vector": [0.0, 0.0], "filter": "year = 1"}));
    assert_eq!(ids(&found.json()), ["a/b c"]);
    assert_eq!(Space::open(&running.path).unwrap().count(), 101);
    let item = running.client.get("/v1/spaces/spiral/items?id=a%2Fb%20c&columns=seen").json();
    assert_eq!(item["items"][0]["columns"]["seen"], "2020-01-01T00:00:00Z");

    let gone = running.client.post(DELETE, &json!({"ids": ["i1", "i1", "nobody"]})).json();
    assert_eq!(gone, json!({"deleted": 1, "count": 100}));
    let gone = running.client.post(DELETE, &json!({"filter": "year >= 2000"})).json();
    assert_eq!(gone, json!({"deleted": 50, "count": 50}));
    let body = json!({"filter": "year > 3000"}).to_string();
    let none = running.client.send("DELETE", POINTS, "application/json", body.as_bytes()).json();
    assert_eq!(none, json!({"deleted": 0, "count": 50}));
    let found = running.client.post(SEARCH, &json!({"vector": [90.0, 0.0], "k": 100})).json();
    assert_eq!(ids(&found).len(), 50);
    assert!(!ids(&found).contains(&"i1"));

    let space = running.end();
    assert_eq!((space.count(), space.changes()), (50, 0));
    assert_eq!(space.provenance().last().unwrap().options["changes"], 4);
    assert!(latlas::space::check(&running.path, false).unwrap().is_sound());
}

#[test]
fn an_index_is_built_again_when_much_was_added() {
    let mut running = Running::with(&|options| {
        let mut edit = Space::edit(&options.spaces[0]).unwrap();
        let (made, run) = (HnswOptions::default(), Run::silent(1));
        let index = Hnsw::build(edit.space(), "main", None, &made, &run).unwrap();
        index.keep(&mut edit, "main", "main", &made, &[], &run).unwrap();
        edit.publish(Provenance { action: "index".into(), ..Provenance::default() }).unwrap();
    });
    let point = |i: usize| [1000.0 + (i % 100) as f64, (i / 100) as f64];
    for block in 0..11 {
        let points: Vec<Value> = (block * 1000..block * 1000 + 1000)
            .map(|i| json!({"id": format!("new{i}"), "vector": point(i)}))
            .collect();
        assert_eq!(running.client.post(POINTS, &json!({"points": points})).status, 200);
    }
    let rows = || running.client.get("/v1/spaces/spiral").json()["indexes"][0]["rows"].clone();
    let begun = Instant::now();
    while rows() == 100 {
        assert!(begun.elapsed() < Duration::from_secs(120), "no index was built");
        // What is changed meanwhile is changed.
        let gone = json!({"ids": ["new77", "i7"]});
        assert_eq!(running.client.post(DELETE, &gone).status, 200);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(rows().as_u64().unwrap() >= 10_000, "{}", rows());
    for i in [5, 4242, 10_999] {
        let q = json!({"vector": point(i), "k": 1});
        let found = running.client.post(SEARCH, &q).json();
        assert_eq!(found["index"]["kind"], "hnsw");
        assert_eq!(ids(&found), [format!("new{i}")]);
    }
    let gone = running.client.post(SEARCH, &json!({"vector": point(77), "k": 1})).json();
    assert_ne!(ids(&gone), ["new77"]);
    let space = running.end();
    assert_eq!(space.count(), 11_098);
    let check = latlas::space::check(&running.path, false).unwrap();
    assert!(check.is_sound());
    let about = &space.indexes()[0];
    assert!(space.holds(about) && about.rows >= 10_000);
    assert_eq!(about.about["seed"], 1);
    assert!(about.about["recall"].as_f64().unwrap() > 0.95);
}

#[test]
fn many_at_once_lose_nothing() {
    let mut running = Running::new();
    let client = &running.client;
    let counts: Vec<usize> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                scope.spawn(move || {
                    for n in 0..25 {
                        let id = format!("w{writer}-{n}");
                        let put = json!({"points": [{"id": id, "vector": [writer, n]}]});
                        assert_eq!(client.post(POINTS, &put).status, 200);
                        let seen = client.get(&format!("/v1/spaces/spiral/items?id={id}"));
                        assert_eq!(seen.status, 200, "{id} is acknowledged and not there");
                        if n % 5 == 4 {
                            let gone = json!({"ids": [format!("w{writer}-{}", n - 2)]});
                            assert_eq!(client.post(DELETE, &gone).json()["deleted"], 1);
                        }
                    }
                    25 - 5
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let wanted = 100 + counts.iter().sum::<usize>();
    let space = running.end();
    assert_eq!(space.count(), wanted);
    let ids: BTreeSet<&str> = space.live().map(|row| space.id(row)).collect();
    assert_eq!(ids.len(), wanted);
}

#[test]
fn one_item_that_does_not_fit_keeps_its_whole_request_out() {
    let running = Running::new();
    let refused = |points: Value| {
        let answer = running.client.post(POINTS, &json!({ "points": points }));
        assert_eq!(answer.status, 400, "{points}");
        answer.told()
    };
    let good = json!({"id": "good", "vector": [1.0, 2.0]});
    let told = refused(json!([good, {"id": "n", "vector": [1.0]}]));
    assert!(told.contains("of item 'n' has 1 numbers, those of this space have 2"), "{told}");
    let told = refused(json!([good, {"id": "n", "vector": [1.0, 1e39]}]));
    assert!(told.contains("number out of range"), "{told}");
    let told = refused(json!([good, {"id": "n", "vector": [1, 2], "columns": {"yaer": 3}}]));
    assert!(told.contains("did you mean 'year'"), "{told}");
    let told = refused(json!([good, {"id": "n", "vector": [1, 2], "columns": {"year": "x"}}]));
    assert!(told.contains("is not a whole number"), "{told}");
    assert!(refused(json!([good, good])).contains("stands in row 1 and again"));
    assert!(refused(json!([good, {"id": "n", "text": "x"}])).contains("has no encoder"));
    assert!(refused(json!([good, {"id": "n"}])).contains("has to be given by one of"));
    assert!(refused(json!([{"id": "n", "image_base64": "%%"}])).contains("the picture of item"));
    assert_eq!(running.client.get("/v1/spaces/spiral").json()["count"], 100);
    assert_eq!(running.client.post(DELETE, &json!({})).status, 400);
    assert_eq!(running.client.post(DELETE, &json!({"filter": "yaer = 3"})).status, 400);
}
