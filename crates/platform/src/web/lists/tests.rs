//! Lists of a table of their own, walked from end to end on both engines.

use testkit::plans::{Reading, scans};

use super::*;
use crate::db::{Conn, Db, Engine, Value};
use crate::events::Events;

const SORTS: &[Sort] = &[
    Sort::by("id", &[]).with(&["t.kind", "t.owner"]),
    Sort::by("on", &[Column::text("t.happened").or_missing()]).with(&["t.kind"]),
    Sort::by("total", &[Column::int("t.total")]),
    Sort::by("name", &[Column::text("t.last"), Column::text("t.first")]),
];

/// Every 100th thing has not happened; kinds `a` to `e`; owners with ten things each.
const THINGS: i64 = 24_000;

struct Things {
    db: Db,
    _folder: testkit::Folder,
}

impl testkit::Open for Things {
    async fn open(engine: testkit::Engine) -> Things {
        let folder = testkit::Folder::new();
        let url = engine.database(&folder).await;
        let db = Db::create(&url, Events::default()).await.unwrap();
        let code = if db.engine() == Engine::Postgres { "TEXT COLLATE \"C\"" } else { "TEXT" };
        let id = if db.engine() == Engine::Postgres { "BIGINT" } else { "INTEGER" };
        let mut tx = db.write().await.unwrap();
        tx.batch(&format!(
            "CREATE TABLE things (id {id} PRIMARY KEY, kind TEXT NOT NULL, owner BIGINT NOT NULL, happened {code}, \
             total BIGINT NOT NULL, last {code} NOT NULL, first {code} NOT NULL, note TEXT NOT NULL); \
             CREATE TABLE owners (id {id} PRIMARY KEY, name TEXT NOT NULL); \
             INSERT INTO owners (id, name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
             SELECT i, 'owner ' || i FROM n; \
             INSERT INTO things (id, kind, owner, happened, total, last, first, note) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {THINGS}) \
             SELECT i, substr('abcde', CAST(i % 5 AS INTEGER) + 1, 1), (i - 1) / 10 + 1, \
             CASE WHEN i % 100 = 0 THEN NULL ELSE '20' || substr(CAST(100 + i / 1000 AS TEXT), 2) || '-01-01' END, \
             (i * 7919) % 1000, 'l~' || (i % 7), 'f!' || (i % 3), CASE WHEN i < 20 THEN 'rare' ELSE 'common' END FROM n; \
             CREATE INDEX things_kind ON things (kind, id); CREATE INDEX things_owner ON things (owner, id); \
             CREATE INDEX things_kind_on ON things (kind, happened, id); CREATE INDEX things_on ON things (happened, id); \
             CREATE INDEX things_total ON things (total, id); CREATE INDEX things_name ON things (last, first, id); ANALYZE",
            THINGS / 10,
        ))
        .await
        .unwrap();
        tx.commit().await.unwrap();
        Things { db, _folder: folder }
    }
}

#[derive(Clone, Copy)]
enum Filter {
    None,
    Kind,
    Owner,
    /// Two conditions that are each too wide.
    KindAndRange,
    Words,
}

fn query(filter: Filter) -> Query<'static> {
    let mut conditions = Where::default();
    let text = |text: &'static str| Value::Text(text.into());
    match filter {
        Filter::None => {}
        Filter::Kind => conditions.equal("t.kind", text("b")),
        Filter::Owner => {
            conditions.equal("t.owner", Value::Int(17));
            conditions.and("t.note = ?", text("common"));
        }
        Filter::KindAndRange => {
            conditions.by_index("t.happened", "t.happened >= ?", text("2001-01-01"));
            conditions.by_index("t.total", "t.total < ?", Value::Int(900));
        }
        Filter::Words => conditions.and("t.note LIKE ?", text("%rar%")),
    }
    Query { table: "things t", id: "t.id", joins: "JOIN owners o ON o.id = t.owner", filter: conditions }
}

fn asked(text: &str) -> Request {
    Request::parse(text, SORTS, Order::Ascending).unwrap()
}

async fn page(conn: &mut Conn, filter: Filter, request: &str) -> Page<(i64, String)> {
    query(filter).page(conn, &asked(request), "t.id, o.name").await.unwrap()
}

fn ids(page: &Page<(i64, String)>) -> Vec<i64> {
    page.rows.iter().map(|row| row.0).collect()
}

/// Everything, as one statement without a limit has it.
async fn all(conn: &mut Conn, filter: Filter, order: &str) -> Vec<i64> {
    let query = query(filter);
    let sql = format!("SELECT t.id FROM things t {} ORDER BY {order}", query.filter.sql());
    conn.column(&sql, &query.filter.params).await.unwrap()
}

fn query_of(sort: &str, spot: &Spot) -> String {
    match spot {
        Spot::Number(number) => format!("sort={sort}&page={number}"),
        Spot::After(place) => format!("sort={sort}&after={}", escape(place)),
        Spot::Before(place) => format!("sort={sort}&before={}", escape(place)),
        Spot::Last => format!("sort={sort}&page=last"),
    }
}

#[test]
fn a_place_is_read_as_it_was_written() {
    let place = Place(vec![Part::Text("a~!1!b, é".into()), Part::Text(String::new()), Part::Int(-4)]);
    assert_eq!(Place::decode(&place.encode(), &SORTS[3]).unwrap(), place);
    let place = Place(vec![Part::Missing, Part::Int(9)]);
    assert_eq!(Place::decode(&place.encode(), &SORTS[1]).unwrap(), place);
    for wrong in ["", "x", "1~2~3", "2026-01-01", "2026-01-01~x", "~"] {
        assert!(Place::decode(wrong, &SORTS[1]).is_err(), "{wrong}");
    }
}

#[test]
fn a_place_in_an_address_takes_its_order_along() {
    let request = asked("q=a+b&sort=-total&page=3");
    let link = request.link_to(&Spot::After("7~8".into()), "-total");
    assert_eq!(link, "?q=a%20b&sort=%2Dtotal&after=7%7E8");
    assert_eq!(asked(link.trim_start_matches('?')).spot, Spot::After("7~8".into()));
    assert_eq!(request.link_to(&Spot::Last, "-total"), "?q=a%20b&sort=%2Dtotal&page=last");
}

testkit::both_engines! {
    async fn every_line_is_on_one_page_whatever_the_order(things: Things) {
        let mut conn = things.db.read().await.unwrap();
        let orders = [
            ("-id", "t.id DESC"), ("on", "t.happened NULLS FIRST, t.id"), ("-on", "t.happened DESC NULLS LAST, t.id DESC"),
            ("name", "t.last, t.first, t.id"),
        ];
        for (sort, order) in orders {
            let expected = all(&mut conn, Filter::None, order).await;
            let mut found = Vec::new();
            let mut spot = Some(Spot::Number(1));
            while let Some(at) = spot {
                let page = page(&mut conn, Filter::None, &query_of(sort, &at)).await;
                // From what has a number to what has none.
                let numbered = found.len() < 10_000;
                assert_eq!(page.first, numbered.then_some(found.len() as i64 + 1), "{sort} {at:?}");
                assert_eq!(page.total, Total::Over);
                found.extend(ids(&page));
                spot = page.next;
            }
            assert_eq!(found, expected, "{sort}");
            // And back again from the end.
            let mut behind = expected.len();
            let mut spot = Some(Spot::Last);
            for _ in 0..40 {
                let page = page(&mut conn, Filter::None, &query_of(sort, &spot.unwrap())).await;
                let shown = ids(&page);
                assert_eq!(shown, expected[behind - shown.len()..behind], "{sort}");
                behind -= shown.len();
                spot = page.prev;
            }
            assert_eq!(behind, 24_000 - 40 * 50);
        }
    }

    async fn a_short_list_has_numbers_and_its_length(things: Things) {
        let mut conn = things.db.read().await.unwrap();
        let expected = all(&mut conn, Filter::Kind, "t.total DESC, t.id DESC").await;
        let first = page(&mut conn, Filter::Kind, "sort=-total").await;
        assert_eq!((first.total, first.first, &first.prev), (Total::Exactly(4_800), Some(1), &None));
        assert_eq!((&first.next, &first.end), (&Some(Spot::Number(2)), &Some(Spot::Number(96))));
        assert_eq!(ids(&first), expected[..50]);
        let last = page(&mut conn, Filter::Kind, "sort=-total&page=96").await;
        assert_eq!((last.total, last.first, &last.next), (Total::Exactly(4_800), Some(4_751), &None));
        assert_eq!(ids(&last), expected[4_750..]);
        let beyond = page(&mut conn, Filter::Kind, "page=400").await;
        assert_eq!((beyond.total, beyond.rows.len(), &beyond.start), (Total::Exactly(4_800), 0, &Some(Spot::Number(1))));
        let place = Place(vec![Part::Int(500), Part::Int(0)]).encode();
        let middle = page(&mut conn, Filter::Kind, &format!("sort=-total&after={}", escape(&place))).await;
        let at = expected.iter().position(|id| ids(&middle)[0] == *id).unwrap();
        assert_eq!(ids(&middle), expected[at..at + 50]);
        let before = page(&mut conn, Filter::Kind, &query_of("-total", &middle.prev.unwrap())).await;
        assert_eq!(ids(&before), expected[at - 50..at]);
        let none = page(&mut conn, Filter::Owner, "page=2").await;
        assert_eq!((none.total, none.rows.len()), (Total::Exactly(10), 0));
        let few = page(&mut conn, Filter::Owner, "sort=name").await;
        assert_eq!((few.total, few.rows.len(), &few.next, &few.prev), (Total::Exactly(10), 10, &None, &None));
    }

    async fn what_no_index_finds_is_looked_for_a_part_at_a_time(things: Things) {
        let mut conn = things.db.read().await.unwrap();
        // Newest first the rare ones are beyond what is looked at for one page.
        let first = page(&mut conn, Filter::Words, "sort=-id").await;
        assert_eq!((first.rows.len(), first.total), (0, Total::Unknown));
        assert!(first.note().contains("20,000 were looked through"), "{}", first.note());
        let next = page(&mut conn, Filter::Words, &query_of("-id", &first.next.unwrap())).await;
        assert_eq!(ids(&next), (1..20).rev().collect::<Vec<i64>>());
        assert_eq!((&next.next, next.note()), (&None, String::new()));
        let last = page(&mut conn, Filter::Words, "sort=-id&page=last").await;
        assert_eq!(ids(&last), ids(&next));
        let seen = asked("sort=-id").view(&page(&mut conn, Filter::Words, "sort=id").await);
        assert_eq!(seen.get_attr("total").unwrap().to_string(), "19");
        // A machine is given all there is, and the number.
        let whole: Page<(i64,)> = query(Filter::Words).whole_page(&mut conn, &asked("sort=-id"), "t.id").await.unwrap();
        assert_eq!((whole.rows.len(), whole.total, &whole.next), (19, Total::Exactly(19), &None));
    }

    async fn too_many_are_sorted_by_what_they_are_filtered_by(things: Things) {
        let mut conn = things.db.read().await.unwrap();
        let wide = page(&mut conn, Filter::KindAndRange, "sort=-id").await;
        assert_eq!((wide.sort.key, wide.descending, wide.total), ("on", true, Total::Unknown));
        assert!(wide.note().contains("More than 10,000 fit"), "{}", wide.note());
        let expected = all(&mut conn, Filter::KindAndRange, "t.happened DESC, t.id DESC").await;
        let mut found = ids(&wide);
        let mut spot = wide.next;
        while let Some(at) = spot {
            let page = page(&mut conn, Filter::KindAndRange, &query_of("-on", &at)).await;
            found.extend(ids(&page));
            spot = page.next;
        }
        assert_eq!(found, expected);
        let whole: Page<(i64,)> = query(Filter::KindAndRange).whole_page(&mut conn, &asked("sort=-id"), "t.id").await.unwrap();
        assert_eq!((whole.sort.key, whole.total), ("id", Total::Over));
        assert_eq!(whole.rows[0].0, *expected.iter().max().unwrap());
    }

    async fn no_page_reads_the_whole_table(things: Things) {
        let db = &things.db;
        let engine = if db.engine() == Engine::Sqlite { testkit::Engine::Sqlite } else { testkit::Engine::Postgres };
        let places = ["page=1", "page=150", "page=last", "after=", "before="];
        for (filter, may) in [
            (Filter::None, Reading::Walking), (Filter::Kind, Reading::Finding), (Filter::Owner, Reading::Finding),
            (Filter::KindAndRange, Reading::Finding), (Filter::Words, Reading::Walking),
        ] {
            for sort in SORTS {
                for place in places {
                    let mut place = place.to_owned();
                    if place.ends_with('=') {
                        let parts = sort.columns.iter().map(|column| if column.number { Part::Int(500) } else { Part::Text("2010-01-01".into()) });
                        place.push_str(&escape(&Place(parts.chain([Part::Int(12_000)]).collect()).encode()));
                    }
                    let request = asked(&format!("sort=-{}&{place}", sort.key));
                    db.counters().watch();
                    let mut conn = db.read().await.unwrap();
                    let page: Result<Page<(i64,)>> = query(filter).page(&mut conn, &request, "t.id").await;
                    let statements = db.counters().asked();
                    if page.is_err() {
                        // A place of another order than the one that so many things are shown in.
                        assert!(matches!(filter, Filter::KindAndRange), "{:?}", page.err());
                        continue;
                    }
                    assert!(statements.len() <= 3, "{}", statements.len());
                    for asked in statements {
                        if matches!(filter, Filter::Words) && asked.sql.contains("LIMIT 20000") {
                            // As much as the whole table here, which PostgreSQL knows.
                            continue;
                        }
                        let plan = conn.plan(&asked.sql, &asked.params).await.unwrap();
                        let found = scans(engine, &asked.sql, &plan, &["things", "owners"], may);
                        assert!(found.is_empty(), "{}\n{}\n{plan}", request.form.text("sort"), asked.sql);
                    }
                }
            }
        }
    }

    async fn a_file_holds_everything_in_the_order_of_the_page(things: Things) {
        use http_body_util::BodyExt;
        let mut conn = things.db.read().await.unwrap();
        for (filter, sort, order) in [
            (Filter::None, "-total", "t.total DESC, t.id DESC"), (Filter::Kind, "on", "t.happened NULLS FIRST, t.id"),
            (Filter::Words, "-id", "t.id DESC"), (Filter::KindAndRange, "on", "t.happened, t.id"),
        ] {
            let expected = all(&mut conn, filter, order).await;
            let request = asked(&format!("sort={sort}&format=csv"));
            let cells = |row: &(i64, String)| vec![row.0.to_string(), row.1.clone()];
            let file = file(&things.db, &request, query(filter), "t.id, o.name", ("things", &["Id", "Owner"]), cells).await.unwrap();
            let text = String::from_utf8(file.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some("Id,Owner"));
            let found: Vec<i64> = lines.map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
            assert_eq!(found, expected);
        }
    }

    async fn a_file_that_has_ended_may_be_asked_again(things: Things) {
        use http_body_util::BodyExt;
        let request = asked("sort=id&format=csv");
        let cells = |row: &(i64,)| vec![row.0.to_string()];
        let file = file(&things.db, &request, query(Filter::None), "t.id", ("things", &["Id"]), cells).await.unwrap();
        let mut body = file.into_body();
        while body.frame().await.is_some() {}
        assert!(body.frame().await.is_none());
    }

    async fn a_file_that_breaks_off_is_no_whole_file(things: Things) {
        use http_body_util::BodyExt;
        let request = asked("sort=id&format=csv");
        let cells = |row: &(i64,)| vec![row.0.to_string()];
        let file = file(&things.db, &request, query(Filter::None), "t.id", ("things", &["Id"]), cells).await.unwrap();
        let mut tx = things.db.write().await.unwrap();
        tx.batch("ALTER TABLE owners RENAME TO former_owners").await.unwrap();
        tx.commit().await.unwrap();
        assert!(file.into_body().collect().await.is_err());
    }
}
