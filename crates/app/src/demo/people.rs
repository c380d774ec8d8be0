//! Who the demonstration's clients are: names and places that look like real ones and are nobody's.

use super::Dice;

pub struct Place {
    pub country: &'static str,
    pub currency: &'static str,
    first: &'static [&'static str],
    last: &'static [&'static str],
    cities: &'static [(&'static str, &'static str, &'static str)],
    streets: &'static [&'static str],
    phone: &'static str,
}

/// Countries, the more common ones more often.
const PLACES: &[Place] = &[
    Place {
        country: "US",
        currency: "USD",
        first: &["Emma", "Noah", "Olivia", "Liam", "Ava", "Mason", "Sophia", "Ethan", "Grace", "Henry", "Zoe", "Caleb"],
        last: &["Walker", "Bennett", "Hughes", "Ramirez", "Coleman", "Brooks", "Nguyen", "Foster", "Price", "Hayes"],
        cities: &[("Austin", "Texas", "78701"), ("Portland", "Oregon", "97204"), ("Madison", "Wisconsin", "53703")],
        streets: &["Cedar Street", "Lakeview Drive", "Main Street", "Elm Avenue"],
        phone: "+1.512555",
    },
    Place {
        country: "GB",
        currency: "GBP",
        first: &["Oliver", "Amelia", "Harriet", "George", "Isla", "Freya", "Alfie", "Poppy", "Rhys", "Niamh"],
        last: &["Thornton", "Whitfield", "Ashworth", "Barlow", "Kendall", "O'Neill", "Pemberton", "Sinclair", "Webb"],
        cities: &[
            ("Leeds", "West Yorkshire", "LS1 4AP"),
            ("Bristol", "Bristol", "BS1 5TR"),
            ("Cardiff", "Cardiff", "CF10 1EP"),
        ],
        streets: &["Station Road", "Church Lane", "Victoria Terrace", "Mill Street"],
        phone: "+44.113496",
    },
    Place {
        country: "DE",
        currency: "EUR",
        first: &[
            "Jonas",
            "Lea",
            "Maximilian",
            "Katharina",
            "Björn",
            "Sabine",
            "Jürgen",
            "Anneliese",
            "Mehmet",
            "Σοφία",
        ],
        last: &["Schäfer", "Krüger", "Brandt", "Weiß", "Vogel", "Lindner", "Hoffmann", "Özdemir", "Παπαδοπούλου"],
        cities: &[
            ("Köln", "Nordrhein-Westfalen", "50667"),
            ("Leipzig", "Sachsen", "04109"),
            ("Freiburg", "Baden-Württemberg", "79098"),
        ],
        streets: &["Gartenstraße", "Hauptstraße", "Am Markt", "Bahnhofsallee"],
        phone: "+49.2215550",
    },
    Place {
        country: "FR",
        currency: "EUR",
        first: &["Camille", "Hugo", "Chloé", "Théo", "Élodie", "Lucas", "Inès", "Gaël", "Ahmed", "Nadia"],
        last: &["Lefèvre", "Moreau", "Girard", "Fournier", "Dupré", "Mercier", "Benali", "Garnier", "Chevalier"],
        cities: &[("Lyon", "Rhône", "69002"), ("Nantes", "Loire-Atlantique", "44000"), ("Lille", "Nord", "59800")],
        streets: &["rue des Lilas", "avenue de la Gare", "place du Marché", "quai Saint-Michel"],
        phone: "+33.472555",
    },
    Place {
        country: "CA",
        currency: "USD",
        first: &["Maya", "Logan", "Charlotte", "Owen", "美玲", "Étienne", "Priya", "Marek", "دانا", "Noa"],
        last: &["Tremblay", "MacLeod", "陳", "Singh", "Kowalski", "حداد", "Fraser", "Gagnon", "Levy"],
        cities: &[
            ("Halifax", "Nova Scotia", "B3J 1S9"),
            ("Calgary", "Alberta", "T2P 1J9"),
            ("Ottawa", "Ontario", "K1P 1J1"),
        ],
        streets: &["Maple Street", "Wellington Street", "Spring Garden Road", "Bow Trail"],
        phone: "+1.902555",
    },
];

const TRADES: &[&str] =
    &["Studio", "Bakery", "Consulting", "Garage", "Architects", "Records", "Farm", "Labs", "Legal", "Yoga"];
const WORDS: &[&str] = &[
    "amber", "birch", "copper", "delta", "ember", "fjord", "granite", "harbour", "indigo", "juniper", "kestrel",
    "lumen", "meadow", "north", "orchard", "pixel", "quartz", "river", "summit", "timber", "umbra", "velvet", "willow",
    "zephyr",
];

pub struct Person {
    pub place: &'static Place,
    pub first: &'static str,
    pub last: &'static str,
    pub company: String,
    pub email: String,
    pub street: String,
    pub city: (&'static str, &'static str, &'static str),
    pub phone: String,
}

/// The `number`th client.
pub fn person(number: usize, dice: &mut Dice) -> Person {
    let place = &PLACES[dice.weighted(&[35, 25, 18, 12, 10])];
    let first = dice.pick(place.first);
    let last = dice.pick(place.last);
    let word = dice.pick(WORDS);
    let mut capital = word.to_owned();
    capital[..1].make_ascii_uppercase();
    let company = if dice.one_in(3) { format!("{capital} {}", dice.pick(TRADES)) } else { String::new() };
    Person {
        place,
        first,
        last,
        company,
        email: format!("{word}{number}@example.com"),
        street: format!("{} {}", dice.below(180) + 1, dice.pick(place.streets)),
        city: *dice.pick_of(place.cities),
        phone: format!("{}{:04}", place.phone, dice.below(10_000)),
    }
}

/// A domain under a name that is reserved for examples.
pub fn domain(number: usize, dice: &mut Dice) -> String {
    format!("{}-{}{number}.example", dice.pick(WORDS), dice.pick(WORDS))
}
