//! The words that the world's records are made of.

pub(crate) const DEPARTMENTS: [&str; 5] =
    ["Customer Support", "Billing & Accounts", "Returns", "Technical Services", "Partner Desk"];

pub(crate) const FIRST_NAMES: [&str; 32] = [
    "Amara", "Benoît", "Carla", "Dmitri", "Esther", "Farid", "Greta", "Haruki", "Inês", "Jonas", "Khadija", "Liam",
    "Mei", "Nikhil", "Olga", "Pablo", "Qiang", "Rosa", "Søren", "Tamar", "Umar", "Valérie", "Wanjiru", "Ximena",
    "Yusuf", "Zofia", "Aoife", "Björn", "Chiara", "Deepa", "Emre", "Fatou",
];

pub(crate) const LAST_NAMES: [&str; 32] = [
    "Abara",
    "Bergström",
    "Castillo",
    "D'Souza",
    "Eriksen",
    "Fontaine",
    "García",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalczyk",
    "Lindqvist",
    "Müller",
    "Nakamura",
    "O'Brien",
    "Petrov",
    "Quintero",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ullah",
    "van der Berg",
    "Wójcik",
    "Xu",
    "Yılmaz",
    "Zhang",
    "Okafor",
    "Novák",
    "Silva",
    "Mbeki",
    "Larsen",
    "Khan",
];

pub(crate) const COMPANIES: [&str; 24] = [
    "Alder & Finch",
    "Bluewater Logistics",
    "Cobalt Foods",
    "Dune Optics",
    "Eastgate Clinics",
    "Fernhill Hotels",
    "Granite Works",
    "Harbour Tea",
    "Ironbridge Tools",
    "Juniper Books",
    "Kestrel Air",
    "Lumen Lighting",
    "Meadow Farms",
    "Northlight Media",
    "Orchard Bank",
    "Pinecrest School",
    "Quarry Stone",
    "Riverbend Print",
    "Saffron Kitchens",
    "Tidal Energy",
    "Umbra Textiles",
    "Violet Pharma",
    "Westfold Rail",
    "Zephyr Bikes",
];

/// Label and type. Every portal names its own.
pub(crate) const TICKET_STATUSES: [(&str, &str); 7] = [
    ("Open", "Open"),
    ("In Progress", "Open"),
    ("Escalated", "Open"),
    ("On Hold", "On Hold"),
    ("Waiting on Customer", "On Hold"),
    ("Closed", "Closed"),
    ("Resolved", "Closed"),
];

pub(crate) const TASK_STATUSES: [(&str, &str); 5] = [
    ("Not Started", "Open"),
    ("In Progress", "Open"),
    ("Deferred", "Open"),
    ("Completed", "Closed"),
    ("Canceled", "Closed"),
];

pub(crate) const CALL_STATUSES: [(&str, &str); 5] = [
    ("Completed", "Closed"),
    ("Scheduled", "Open"),
    ("Missed", "Closed"),
    ("Canceled", "Closed"),
    ("In Progress", "Open"),
];

pub(crate) const EVENT_STATUSES: [(&str, &str); 3] =
    [("Not Started", "Open"), ("Completed", "Closed"), ("Canceled", "Closed")];

pub(crate) const ARTICLE_STATUSES: [&str; 5] = ["Published", "Draft", "Review", "Expired", "Unpublished"];

pub(crate) const PRIORITIES: [Option<&str>; 5] = [Some("High"), Some("Medium"), Some("Low"), None, Some("Medium")];

pub(crate) const CHANNELS: [&str; 7] = ["Email", "Phone", "Web", "Chat", "Email", "Facebook", "Forums"];

pub(crate) const CATEGORIES: [(&str, &str); 6] = [
    ("Delivery", "Late parcel"),
    ("Billing", "Invoice"),
    ("Defects", "Broken on arrival"),
    ("How-to", "Set-up"),
    ("Account", "Sign-in"),
    ("Delivery", "Wrong address"),
];

pub(crate) const CLASSIFICATIONS: [Option<&str>; 5] =
    [Some("Question"), Some("Problem"), Some("Feature"), Some("Others"), None];

pub(crate) const PRODUCTS: [&str; 6] =
    ["Desk Lamp 2", "Field Kettle", "Trail Radio", "Harbour Clock", "Quiet Fan", "Garden Sensor"];

pub(crate) const TEAMS: [&str; 4] = ["First line", "Second line", "Field engineers", "Night shift"];

pub(crate) const REGIONS: [&str; 5] = ["EMEA", "APAC", "Americas \"North\"", "Americas \"South\"", "Ελλάδα"];

pub(crate) const SUBJECTS: [&str; 32] = [
    "Parcel has not arrived after ten days",
    "Invoice shows the wrong VAT number",
    "Cannot sign in since the password change",
    "Lamp flickers when dimmed below half",
    "Refund for a cancelled order",
    "Please change the delivery address",
    "Order was charged twice",
    "Question about the warranty of a second-hand radio",
    "The kettle smells of plastic 😕",
    "Missing screws in the box",
    "Re: [#4410] still waiting for an answer!!",
    "Firmware update stops at 73 %",
    "Request for a quotation: 250 pieces",
    "طلب استرداد المبلغ",
    "החזר כספי עבור הזמנה",
    "配送先の変更をお願いします",
    "Das Gerät schaltet sich nachts von selbst ein",
    "Problème de facturation: l'avoir n'est pas arrivé",
    "\"Error 0x80\" after installing the app",
    "Clock runs five minutes late every week",
    "Return label cannot be printed",
    "Is there a discount for schools?",
    "Battery drains overnight",
    "Damaged on arrival, photos attached 📷📷",
    "Delivery note and invoice do not match",
    "App <b>crashes</b> on start",
    "Cancel my subscription; please confirm",
    "Wrong colour delivered (blue, not green)",
    "Complaint about the courier",
    "Sensor reports -40 °C indoors",
    "Need the safety data sheet",
    "Thank you for the quick help ❤️",
];

pub(crate) const SENTENCES: [&str; 24] = [
    "I ordered it on your web shop about three weeks ago and paid by card. ",
    "The tracking page has said \"in transit\" ever since, and the courier refers me to you. ",
    "I have tried another socket, another cable and another room; it makes no difference. ",
    "Your colleague on the phone promised a call back, which never came. ",
    "Please tell me what you need from me so that this can be settled. ",
    "The serial number is on the photo, next to the dent. ",
    "We are a small business & cannot wait another month. ",
    "It worked for two days; then the light went red and stayed red. ",
    "Attached you will find the invoice, the delivery note and a short video.\n",
    "If a replacement is not possible I would like my money back. ",
    "Nothing in the manual (page 14) matches what I see on the display. ",
    "My address has changed: the new one is in my account already. ",
    "The amount differs by 12,50 € from what was agreed. ",
    "Could you please also check whether the warranty covers the battery? ",
    "This is the second time that this happens with the same product. ",
    "Steps: 1) switch it on, 2) hold the key for five seconds, 3) wait. ",
    "Log excerpt: C:\\ProgramData\\Device\\log.txt says `timeout after 30s`. ",
    "We would need the answer before Friday, as our auditor asks for it. ",
    "Sorry for the long text! 🙏\n\n",
    "Kind regards from a rainy harbour town. ",
    "Sent from my phone, please excuse the brevity. ",
    "مرحبا، أرجو المساعدة في هذا الطلب. ",
    "Merci d'avance pour votre réponse. ",
    "お手数ですがよろしくお願いします。",
];

pub(crate) const TASKS: [&str; 10] = [
    "Call the customer back",
    "Send a replacement",
    "Check stock in the second warehouse",
    "Ask the courier for proof of delivery",
    "Write the credit note",
    "Prepare the quotation",
    "Book an engineer",
    "Translate the reply",
    "Update the article about returns",
    "Escalate to the manufacturer",
];

pub(crate) const CALLS: [&str; 6] = [
    "Where is the parcel?",
    "Call back about the invoice",
    "Complaint: \"third time this month\"",
    "Rückfrage zur Garantie",
    "Walk through the set-up",
    "Ask whether the spare part fits",
];

pub(crate) const EVENTS: [&str; 5] = [
    "Visit of the engineer",
    "Training of new staff, part 1 & 2",
    "Yearly review with the customer",
    "Abnahme vor Ort",
    "Demonstration of the sensor",
];

pub(crate) const ARTICLES: [&str; 12] = [
    "How to return a product",
    "Setting up the app for the first time",
    "What the lights mean",
    "Warranty: what is covered & what is not",
    "Changing a delivery address",
    "Reading your invoice",
    "Descaling the kettle",
    "Updating the firmware",
    "Opening hours and holidays",
    "Data protection in plain words",
    "كيفية إرجاع المنتج",
    "Troubleshooting \"Error 0x80\"",
];

pub(crate) const CITIES: [(&str, &str, &str); 8] = [
    ("Hamburg", "HH", "Germany"),
    ("Lyon", "ARA", "France"),
    ("Chennai", "TN", "India"),
    ("Austin", "TX", "United States"),
    ("Utrecht", "UT", "Netherlands"),
    ("São Paulo", "SP", "Brazil"),
    ("Osaka", "27", "Japan"),
    ("Nairobi", "30", "Kenya"),
];
