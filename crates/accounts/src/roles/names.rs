//! The permission names that roles carried over from elsewhere may have: all that the compatible API's reference shows, by
//! area. Which of them something here asks for is known by the routes, not by this list.

/// The 133 names of the reference's example of `GetAdminDetails`, an area at a time.
pub const KNOWN: &[(&str, &[&str])] = &[
    ("General", &["Main Homepage", "My Account", "View Income Totals", "API Access", "WHMCSConnect"]),
    (
        "Clients",
        &[
            "List Clients",
            "List Services",
            "List Addons",
            "List Domains",
            "Add New Client",
            "Edit Clients Details",
            "Manage Pay Methods",
            "View Clients Products/Services",
            "Edit Clients Products/Services",
            "Delete Clients Products/Services",
            "Perform Server Operations",
            "View Clients Domains",
            "Edit Clients Domains",
            "Delete Clients Domains",
            "Perform Registrar Operations",
            "View Clients Notes",
            "Add/Edit Client Notes",
            "Delete Client Notes",
            "Delete Client",
            "Mass Mail",
            "Email Marketer",
            "View Cancellation Requests",
            "Manage Affiliates",
            "View Clients Summary",
            "Manage Clients Files",
            "Allow Login as Owner",
            "Client Data Export",
            "Mass Data Export",
            "Decrypt Full Credit Card Number",
            "Update/Delete Stored Credit Card",
            "Create Upgrade/Downgrade Orders",
        ],
    ),
    ("Orders", &["View Orders", "Delete Order", "View Order Details", "Add New Order"]),
    (
        "Billing",
        &[
            "List Transactions",
            "Add Transaction",
            "Edit Transaction",
            "Delete Transaction",
            "View Gateway Log",
            "List Invoices",
            "Create Invoice",
            "Manage Invoice",
            "Delete Invoice",
            "Refund Invoice Payments",
            "Offline Credit Card Processing",
            "Attempts CC Captures",
            "Generate Due Invoices",
            "Manage Quotes",
            "View Billable Items",
            "Manage Billable Items",
            "View Credit Log",
            "Manage Credits",
        ],
    ),
    (
        "Support",
        &[
            "Support Center Overview",
            "Manage Announcements",
            "Manage Knowledgebase",
            "Manage Downloads",
            "List Support Tickets",
            "View Support Ticket",
            "View Flagged Tickets",
            "Open New Ticket",
            "Delete Ticket",
            "Manage Predefined Replies",
            "Create Predefined Replies",
            "Delete Predefined Replies",
            "Manage Network Issues",
        ],
    ),
    (
        "Reports and utilities",
        &[
            "View Reports",
            "Addon Modules",
            "Link Tracking",
            "Calendar",
            "To-Do List",
            "WHOIS Lookups",
            "Domain Resolver Checker",
            "View Integration Code",
            "WHM Import Script",
            "Database Status",
            "System Cleanup Operations",
            "View PHP Info",
            "Health and Updates",
            "Update WHMCS",
            "Modify Update Configuration",
        ],
    ),
    (
        "Logs",
        &[
            "View Activity Log",
            "View Admin Log",
            "View Email Message Log",
            "View Ticket Mail Import Log",
            "View WHOIS Lookup Log",
            "View Module Debug Log",
        ],
    ),
    (
        "Security",
        &[
            "View Banned IPs",
            "Add Banned IP",
            "Unban Banned IP",
            "Configure Administrators",
            "Configure Admin Roles",
            "Configure Two-Factor Authentication",
            "Configure Security Questions",
            "Configure Banned Emails",
            "Configure OpenID Connect",
            "Configure Application Links",
        ],
    ),
    (
        "Configuration",
        &[
            "Configure General Settings",
            "Configure Servers",
            "Configure Automation Settings",
            "Configure Payment Gateways",
            "Tax Configuration",
            "View Email Templates",
            "View Products/Services",
            "Configure Product Addons",
            "View Promotions",
            "Configure Domain Pricing",
            "Configure Support Departments",
            "Configure Spam Control",
            "Configure Domain Registrars",
            "Configure Fraud Protection",
            "Configure Custom Client Fields",
            "Configure Database Backups",
            "Configure Currencies",
            "Configure Client Groups",
            "Configure Ticket Statuses",
            "Configure Addon Modules",
            "Configure Product Bundles",
            "Create/Edit Promotions",
            "Delete Promotions",
            "Create/Edit Email Templates",
            "Delete Email Templates",
            "Manage Email Template Languages",
            "Create New Products/Services",
            "Edit Products/Services",
            "Delete Products/Services",
            "Manage Product Groups",
            "Configure Order Statuses",
        ],
    ),
];

/// Names of our own, for what the reference has no name for, by the same areas.
const OURS: &[(&str, &[&str])] = &[
    ("Billing", &["Create Credit and Debit Notes", "Disputes", "List Credit and Debit Notes"]),
    ("Reports and utilities", &["Retry System Jobs", "View System Jobs"]),
    ("Logs", &["Add Activity Log Entries"]),
    ("Security", &["Decrypt Passwords"]),
];

/// Where a name that is in no list is shown.
const ELSEWHERE: &str = "More";

/// The area under which a permission is shown.
pub fn area(name: &str) -> &'static str {
    let found = KNOWN.iter().chain(OURS).find(|(_, names)| names.contains(&name));
    found.map_or(ELSEWHERE, |(area, _)| area)
}

/// The areas in their order.
pub fn areas() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|(area, _)| *area).chain([ELSEWHERE])
}

/// Whether a name is one of the reference's.
pub fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(_, names)| names.contains(&name))
}
