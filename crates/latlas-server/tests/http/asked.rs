//! What is asked and answered.

use latlas::index::{Exact, Index, Query};
use latlas::space::check;
use serde_json::json;

use super::{Running, Space, ids};

const SEARCH: &str = "/v1/spaces/spiral/search";

#[test]
fn a_search_is_as_in_the_library_by_id_by_vector_and_by_many() {
    let running = Running::new();
    let space = Space::open(&running.path).unwrap();
    let index = Exact::new(&space, "main", None).unwrap();
    let row = space.find("i50").unwrap();
    let point = space.field("main").unwrap().gather(&[row]).into_vec();
    let q = Query::nearest(5).excluding([row]);
    let hits = index.search(&point, &q).unwrap();
    let wanted: Vec<&str> = hits.iter().map(|hit| space.id(hit.row)).collect();

    let answer =
        running.client.post(SEARCH, &json!({"id": "i50", "k": 5, "columns": ["year", "tags"]}));
    assert_eq!(answer.status, 200, "{}", answer.told());
    let answer = answer.json();
    assert_eq!(ids(&answer), wanted);
    assert_eq!(answer["index"], json!({"kind": "exact", "recall": 1.0}));
    assert_eq!(answer["hits"][0]["columns"]["year"], 1950 + wanted[0][1..].parse::<i64>().unwrap());
    assert_eq!(answer["hits"][0]["distance"].as_f64().unwrap() as f32, hits[0].distance);

    let answer =
        running.client.post(SEARCH, &json!({"vector": point, "k": 1, "with_vectors": true}));
    let vector: Vec<f32> =
        serde_json::from_value(answer.json()["hits"][0]["vector"].clone()).unwrap();
    assert_eq!(vector, point);
    let many = running.client.post(SEARCH, &json!({"vectors": [point, [0.0, 0.0]], "k": 2})).json();
    assert_eq!(many["answers"][0]["hits"][0]["id"], "i50");
    assert_eq!(many["answers"][1]["hits"][0]["id"], "i0");
    let near = running.client.post(SEARCH, &json!({"vector": [0.0, 0.0], "within": 3.5}));
    assert_eq!(ids(&near.json()), ["i0", "i1", "i2", "i3"]);
    let sum = running.client.post(SEARCH, &json!({"plus": ["i3", "i4"], "minus": ["i5"], "k": 1}));
    assert_eq!(sum.json()["reading"], "i3 + i4 − i5");
}

#[test]
fn every_kind_of_column_can_be_a_condition() {
    let running = Running::new();
    let space = Space::open(&running.path).unwrap();
    for condition in [
        "lang = 'tr' AND NOT year IS NULL",
        "year >= 2000 OR weight < 1",
        "good",
        "seen > '2090-06-01'",
        "tags CONTAINS 't3'",
        "text LIKE '%fish%' AND NOT (lang IN ('en'))",
        "id IN ('i1', 'i2')",
    ] {
        let body = json!({"vector": [0.0, 0.0], "k": 100, "filter": condition});
        let mut found = running.client.post(SEARCH, &body).json();
        let rows = space.matching(condition).unwrap();
        let mut wanted: Vec<&str> = rows.iter().map(|&row| space.id(row)).collect();
        wanted.sort_unstable();
        let hits = found["hits"].as_array_mut().unwrap();
        hits.sort_by_key(|hit| hit["id"].as_str().unwrap().to_owned());
        assert_eq!(ids(&found), wanted, "{condition}");
        assert!(!wanted.is_empty() && wanted.len() < 100, "{condition}");
    }
}

#[test]
fn a_text_is_looked_for_by_its_words_where_there_is_no_encoder() {
    let running = Running::new();
    let answer = running.client.post(SEARCH, &json!({"text": "blue FISH", "k": 40}));
    let answer = answer.json();
    assert_eq!(answer["metric"], "bm25");
    assert!(answer["reading"].as_str().unwrap().contains("BM25) in text"));
    assert!(ids(&answer)[..33].iter().all(|id| id[1..].parse::<usize>().unwrap() % 3 == 1));
    // What was put since is found beside what was there.
    let put = json!({"points": [{"id": "new", "vector": [1.0, 1.0], "columns": {"text": "blue blue whale"}}]});
    assert_eq!(running.client.post("/v1/spaces/spiral/points", &put).status, 200);
    let found = running.client.post(SEARCH, &json!({"text": "whale blue", "k": 2})).json();
    assert_eq!(ids(&found)[0], "new");
}

#[test]
fn items_are_given_by_id_by_condition_and_one_after_the_other() {
    let running = Running::new();
    let items = |query: &str| running.client.get(&format!("/v1/spaces/spiral/items{query}"));
    let one = items("?id=i7&columns=year,lang&vectors=true").json();
    assert_eq!(one["items"][0]["columns"], json!({"year": null, "lang": "en"}));
    assert_eq!(one["items"][0]["vector"].as_array().unwrap().len(), 2);
    let some = items("?id=i1&id=nobody&id=i2").json();
    assert_eq!(
        (some["items"].as_array().unwrap().len(), &some["missing"]),
        (2, &json!(["nobody"]))
    );
    let page = items("?offset=95&limit=10").json();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["total"]), (5, &json!(100)));
    let tr = items("?filter=lang%20%3D%20'tr'&limit=3").json();
    assert_eq!((&tr["items"][1]["id"], &tr["total"]), (&json!("i2"), &json!(50)));
    let missing = items("?id=i1000");
    assert_eq!(missing.status, 404);
    assert!(
        missing.told().contains("'i1000' is not in spiral | did you mean"),
        "{}",
        missing.told()
    );
    assert!(items("?nonsense=1").told().contains("'nonsense' is not known"));
    assert_eq!(items("?limit=100000").status, 400);
}

#[test]
fn probes_answer_and_maps_say_what_is_not_on_them() {
    let running = Running::new();
    let probe = "/v1/spaces/spiral/probe";
    let odd = running.client.post(probe, &json!({"probe": "odd", "ids": ["i90", "i91", "i30"]}));
    assert_eq!(odd.json()["odd"], "i30");
    let analogy = json!({"probe": "analogy", "plus": ["i10"], "k": 3});
    assert_eq!(ids(&running.client.post(probe, &analogy).json()).len(), 3);
    let none = running.client.get("/v1/spaces/spiral/maps/pca");
    assert_eq!(none.status, 404);
    let told = none.told();
    assert!(
        told.starts_with("spiral has no map yet") && !told.contains('/'),
        "where it lies: {told}"
    );
    drop(running);

    let running = Running::with(&|options| {
        let path = &options.spaces[0];
        let space = Space::open(path).unwrap();
        let run = latlas::Run::silent(1);
        let layout = latlas::map::Pca::default().layout(&space, "main", &run).unwrap();
        let options = latlas::map::FaithfulnessOptions::default();
        let faithfulness = layout.faithfulness(&space, &options, &run).unwrap();
        let (table, about) = latlas::map::table(&space, &layout, &faithfulness).unwrap();
        let mut edit = Space::edit(path).unwrap();
        edit.set_map("pca", &table, about).unwrap();
        edit.publish(latlas::space::Provenance::default()).unwrap();
    });
    let put = json!({"points": [{"id": "new", "vector": [1.0, 1.0]}, {"id": "i3", "vector": [2.0, 2.0]}]});
    let told = running.client.post("/v1/spaces/spiral/points", &put).json();
    assert_eq!(told, json!({"added": 1, "replaced": 1, "count": 101, "unplaced_on": ["pca"]}));
    let map = running.client.raw(
        b"GET /v1/spaces/spiral/maps/pca?columns=trustworthiness HTTP/1.1\r\nHost: localhost\r\n\
          Accept: application/json\r\nConnection: close\r\n\r\n",
    );
    let columns = &map.json()["columns"];
    let names: Vec<&String> = columns.as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "x", "y", "trustworthiness", "placed"]);
    let placed = columns["placed"].as_array().unwrap();
    assert_eq!(placed.iter().filter(|placed| **placed == true).count(), 99);
    assert_eq!(columns["x"].as_array().unwrap().iter().filter(|x| x.is_null()).count(), 2);
    let arrow = running.client.get("/v1/spaces/spiral/maps/pca");
    assert!(arrow.head.contains("application/vnd.apache.arrow.stream"));
    let mut reader = arrow_ipc::reader::StreamReader::try_new(&arrow.body[..], None).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().num_rows(), 101);
    let about = running.client.get("/v1/spaces/spiral").json();
    assert_eq!((&about["maps"][0]["complete"], &about["count"]), (&json!(false), &json!(101)));
}

#[test]
fn the_server_tells_of_itself() {
    let running = Running::new();
    assert_eq!(running.client.get("/health").status, 200);
    assert_eq!(running.client.get("/ready").status, 200);
    let front = running.client.get("/").json();
    assert_eq!(front["spaces"], json!(["spiral"]));
    let document = running.client.get("/openapi.json").json();
    for (path, of) in document["paths"].as_object().unwrap() {
        assert!(
            of.as_object().unwrap().values().all(|of| of["responses"]["200"].is_object()),
            "{path}"
        );
    }
    running.client.post(SEARCH, &json!({"id": "i1"}));
    let figures = String::from_utf8(running.client.get("/metrics").body).unwrap();
    let counted = "latlas_requests_total{method=\"POST\",route=\"/v1/spaces/{space}/search\",status=\"200\"} 1";
    assert!(figures.contains(counted), "{figures}");
    assert!(figures.contains("latlas_items{space=\"spiral\"} 100"));
    let answer = running.client.get("/v1/spaces");
    assert!(answer.head.contains("content-security-policy: default-src 'self'"), "{}", answer.head);
    assert!(answer.head.contains("x-content-type-options: nosniff"));
    assert!(!answer.head.contains("access-control-allow-origin"));
    assert!(check(&running.path, false).unwrap().is_sound());
}

#[test]
fn a_space_that_is_read_only_follows_what_others_publish() {
    let running = Running::with(&|options| options.read_only = true);
    let put = json!({"points": [{"id": "new", "vector": [1.0, 1.0]}]});
    assert_eq!(running.client.post("/v1/spaces/spiral/points", &put).status, 403);
    let mut edit = Space::edit(&running.path).unwrap();
    let row = edit.space().find("i1").unwrap();
    edit.delete(&[row]).unwrap();
    edit.publish(latlas::space::Provenance::default()).unwrap();
    for _ in 0..100 {
        if running.client.get("/v1/spaces").json()["spaces"][0]["count"] == 99 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("it does not follow");
}
