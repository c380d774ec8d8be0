//! Every setting does what it says: each is flipped, and what it stands for is looked at before and after. A setting that
//! is in the registry without an entry here fails the test.

mod compat;
mod effects;
mod lookups;
mod resolver;
mod rules;

use accounts::activity_log::Actor;
use accounts::settings as changing;
use futures::future::BoxFuture;
use innkeeper::wiring;
use kernel::Timestamp;
use platform::settings::Setting;

use crate::support::Site;

type Look = for<'a> fn(&'a World) -> BoxFuture<'a, String>;

/// A setting, and what can be seen of it.
struct Effect {
    key: &'static str,
    /// What it is set to, when that is not known before the test.
    to: fn(&World) -> String,
    /// Other settings that it needs to matter at all.
    given: fn(&World) -> Vec<(&'static str, String)>,
    before: &'static str,
    after: &'static str,
    look: Look,
}

/// The site, and what the effects share.
pub struct World {
    site: Site,
    sink: Option<testkit::smtp::Sink>,
}

pub fn setting(key: &str) -> &'static Setting {
    wiring::settings().find(key).unwrap_or_else(|| panic!("there is no setting {key}"))
}

impl World {
    pub async fn set(&self, values: &[(&str, &str)]) -> kernel::Result<()> {
        let wanted: Vec<(&Setting, &str)> = values.iter().map(|(key, value)| (setting(key), *value)).collect();
        let mut tx = self.site.app.db.write().await?;
        changing::store(&mut tx, &Actor::system("test"), &wanted, self.site.app.clock.now()).await?;
        tx.commit().await?;
        wiring::refresh(&self.site.app).await
    }

    pub fn at(&self, instant: &str) {
        self.site.app.clock.set(Timestamp::parse(instant).unwrap());
    }
}

testkit::both_engines! {
    async fn every_setting_changes_what_it_says(site: Site) {
        let sink = testkit::smtp::Sink::start();
        let world = World { site, sink: testkit::peers::require(sink) };
        effects::prepare(&world).await;
        for effect in effects::ALL {
            if world.sink.is_none() && (effect.key.starts_with("smtp_") || effect.key == "mail_from") {
                continue;
            }
            world.at("2026-03-02T10:00:00Z");
            let given = (effect.given)(&world);
            let pairs: Vec<(&str, &str)> = given.iter().map(|(key, value)| (*key, value.as_str())).collect();
            world.set(&pairs).await.unwrap();
            assert_eq!((effect.look)(&world).await, effect.before, "{} as it was", effect.key);
            let to = (effect.to)(&world);
            world.at("2026-03-02T10:00:00Z");
            world.set(&[(effect.key, &to)]).await.unwrap();
            assert_eq!((effect.look)(&world).await, effect.after, "{} = {to}", effect.key);
            let mut back: Vec<(&str, &str)> = given.iter().map(|(key, _)| (*key, setting(key).default)).collect();
            back.push((effect.key, setting(effect.key).default));
            world.set(&back).await.unwrap();
        }
        let findings = billing::doctor::check(&mut world.site.app.db.read().await.unwrap()).await.unwrap();
        assert_eq!(findings, []);
    }
}

/// The files below a folder.
fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// `billing::captures::due`: some file of the crate below `captures`, or called so, has that function.
#[test]
fn who_reads_a_setting_is_there() {
    for setting in wiring::settings().all() {
        let parts: Vec<&str> = setting.read_by.split("::").collect();
        let [name, feature, .., function] = parts.as_slice() else { panic!("{}: {}", setting.key, setting.read_by) };
        let mut sources = Vec::new();
        files(std::path::Path::new(&format!("{}/../{name}/src", env!("CARGO_MANIFEST_DIR"))), &mut sources);
        sources.retain(|path| {
            path.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                part == *feature || part == format!("{feature}.rs")
            })
        });
        let declared = sources.iter().any(|path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.contains(&format!("fn {function}(")) || text.contains(&format!("fn {function}<"))
        });
        assert!(declared, "{} is not read by {}", setting.key, setting.read_by);
    }
}

#[test]
fn every_setting_has_an_effect_that_is_looked_at() {
    let mut looked_at: Vec<&str> = effects::ALL.iter().map(|effect| effect.key).collect();
    let mut known: Vec<&str> = wiring::settings().all().iter().map(|setting| setting.key).collect();
    looked_at.sort_unstable();
    known.sort_unstable();
    assert_eq!(looked_at, known);
}
