CREATE TABLE product_groups (
    id {id},
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    tagline TEXT NOT NULL,
    hidden BOOLEAN NOT NULL,
    position BIGINT NOT NULL
);

CREATE TABLE products (
    id {id},
    group_id BIGINT NOT NULL REFERENCES product_groups (id),
    kind TEXT NOT NULL CHECK (kind IN ('hostingaccount', 'reselleraccount', 'server', 'other')),
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    tagline TEXT NOT NULL,
    short_description TEXT NOT NULL,
    description TEXT NOT NULL,
    colour TEXT NOT NULL,
    pay_type TEXT NOT NULL CHECK (pay_type IN ('free', 'onetime', 'recurring')),
    taxed BOOLEAN NOT NULL,
    hidden BOOLEAN NOT NULL,
    featured BOOLEAN NOT NULL,
    retired BOOLEAN NOT NULL,
    needs_domain BOOLEAN NOT NULL,
    stock_control BOOLEAN NOT NULL,
    stock BIGINT NOT NULL,
    quantity_mode TEXT NOT NULL CHECK (quantity_mode IN ('none', 'services', 'scaling')),
    cycles_limit BIGINT NOT NULL,
    prorata BOOLEAN NOT NULL,
    prorata_day BIGINT NOT NULL,
    prorata_cutoff BIGINT NOT NULL,
    auto_setup TEXT NOT NULL,
    module TEXT NOT NULL,
    position BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX products_group ON products (group_id, position, id);

-- A price for one cycle in one currency of a product, an addon or an option choice. No row: not sold.
CREATE TABLE prices (
    id {id},
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('product', 'addon', 'choice')),
    owner_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    cycle TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    setup BIGINT NOT NULL CHECK (setup >= 0),
    UNIQUE (owner_kind, owner_id, currency, cycle)
);

CREATE TABLE config_options (
    id {id},
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('dropdown', 'radio', 'yesno', 'quantity')),
    min_quantity BIGINT NOT NULL,
    max_quantity BIGINT NOT NULL,
    hidden BOOLEAN NOT NULL,
    position BIGINT NOT NULL
);
CREATE TABLE config_choices (
    id {id},
    option_id BIGINT NOT NULL REFERENCES config_options (id),
    name TEXT NOT NULL,
    hidden BOOLEAN NOT NULL,
    position BIGINT NOT NULL
);
CREATE INDEX config_choices_option ON config_choices (option_id, position, id);
CREATE TABLE product_options (
    product_id BIGINT NOT NULL REFERENCES products (id),
    option_id BIGINT NOT NULL REFERENCES config_options (id),
    PRIMARY KEY (product_id, option_id)
);
CREATE INDEX product_options_option ON product_options (option_id);

CREATE TABLE addons (
    id {id},
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    pay_type TEXT NOT NULL CHECK (pay_type IN ('free', 'onetime', 'recurring')),
    taxed BOOLEAN NOT NULL,
    prorata BOOLEAN NOT NULL,
    hidden BOOLEAN NOT NULL,
    position BIGINT NOT NULL
);
CREATE TABLE product_addons (
    product_id BIGINT NOT NULL REFERENCES products (id),
    addon_id BIGINT NOT NULL REFERENCES addons (id),
    PRIMARY KEY (product_id, addon_id)
);
CREATE INDEX product_addons_addon ON product_addons (addon_id);

CREATE TABLE services (
    id {id},
    client_id BIGINT NOT NULL REFERENCES clients (id),
    product_id BIGINT NOT NULL REFERENCES products (id),
    order_id BIGINT,
    -- Lower case, in byte order: searched by its beginning.
    domain {date} NOT NULL,
    username TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'active', 'suspended', 'terminated', 'cancelled', 'fraud', 'completed')),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    currency TEXT NOT NULL,
    first_amount BIGINT NOT NULL CHECK (first_amount >= 0),
    recurring_amount BIGINT NOT NULL CHECK (recurring_amount >= 0),
    cycle TEXT NOT NULL,
    anchor_day BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    registered_on {date} NOT NULL,
    -- NULL for free and one-time services.
    next_due_on {date},
    terminated_on {date},
    suspend_reason TEXT NOT NULL,
    no_suspend_until {date},
    dedicated_ip TEXT NOT NULL,
    assigned_ips TEXT NOT NULL,
    ns1 TEXT NOT NULL,
    ns2 TEXT NOT NULL,
    notes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX services_client ON services (client_id, id);
CREATE INDEX services_status ON services (status, id);
CREATE INDEX services_status_due ON services (status, next_due_on, id);
CREATE INDEX services_due ON services (next_due_on, id);
CREATE INDEX services_domain ON services (domain, id);
CREATE INDEX services_product ON services (product_id, id);
CREATE INDEX services_product_status ON services (product_id, status);
CREATE INDEX services_cycle ON services (cycle, id);
CREATE INDEX services_gateway ON services (gateway, id);
CREATE INDEX services_order ON services (order_id) WHERE order_id IS NOT NULL;

CREATE TABLE service_options (
    service_id BIGINT NOT NULL REFERENCES services (id),
    option_id BIGINT NOT NULL REFERENCES config_options (id),
    choice_id BIGINT NOT NULL REFERENCES config_choices (id),
    quantity BIGINT NOT NULL,
    PRIMARY KEY (service_id, option_id)
);
CREATE INDEX service_options_choice ON service_options (choice_id);

CREATE TABLE service_addons (
    id {id},
    service_id BIGINT NOT NULL REFERENCES services (id),
    addon_id BIGINT REFERENCES addons (id),
    order_id BIGINT,
    name TEXT NOT NULL,
    taxed BOOLEAN NOT NULL,
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'active', 'suspended', 'terminated', 'cancelled', 'fraud', 'completed')),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    first_amount BIGINT NOT NULL CHECK (first_amount >= 0),
    recurring_amount BIGINT NOT NULL CHECK (recurring_amount >= 0),
    cycle TEXT NOT NULL,
    anchor_day BIGINT NOT NULL,
    registered_on {date} NOT NULL,
    next_due_on {date},
    created_at BIGINT NOT NULL
);
CREATE INDEX service_addons_service ON service_addons (service_id, id);
CREATE INDEX service_addons_addon ON service_addons (addon_id) WHERE addon_id IS NOT NULL;
