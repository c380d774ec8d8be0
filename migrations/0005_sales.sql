CREATE TABLE orders (
    id {id},
    number TEXT NOT NULL UNIQUE,
    -- Given by whoever places it: the same form sent twice is one order.
    request_key TEXT UNIQUE,
    client_id BIGINT NOT NULL REFERENCES clients (id),
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'cancelled', 'fraud')),
    currency TEXT NOT NULL,
    -- What was to be paid at once, with tax.
    amount BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    -- NULL when there was nothing to pay, or nothing was to be invoiced.
    invoice_id BIGINT REFERENCES invoices (id),
    ordered_on {date} NOT NULL,
    ip TEXT NOT NULL,
    notes TEXT NOT NULL,
    ordered_by TEXT NOT NULL,
    ordered_by_admin BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- A deleted order is out of sight; its documents and services stay, so the row does too.
    deleted_at BIGINT
);
CREATE INDEX orders_client ON orders (client_id, id);
CREATE INDEX orders_status ON orders (status, id);
CREATE INDEX orders_gateway ON orders (gateway, id);
CREATE INDEX orders_created ON orders (created_at, id);
CREATE INDEX orders_amount ON orders (amount, id);
CREATE INDEX orders_ordered_on ON orders (ordered_on, id);
CREATE INDEX orders_invoice ON orders (invoice_id) WHERE invoice_id IS NOT NULL;

-- The order as it was placed: later changes of the catalogue do not touch it.
CREATE TABLE order_items (
    id {id},
    order_id BIGINT NOT NULL REFERENCES orders (id),
    kind TEXT NOT NULL CHECK (kind IN ('product', 'addon')),
    service_id BIGINT NOT NULL REFERENCES services (id),
    -- The addon that was ordered; NULL for a product.
    service_addon_id BIGINT REFERENCES service_addons (id),
    product_kind TEXT NOT NULL,
    -- Of the product group; empty for an addon.
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    domain TEXT NOT NULL,
    description TEXT NOT NULL,
    cycle TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    setup BIGINT NOT NULL,
    -- For the first period, without the setup fee.
    first_amount BIGINT NOT NULL,
    recurring_amount BIGINT NOT NULL,
    -- When it is set up by itself, as its product said then.
    auto_setup TEXT NOT NULL
);
CREATE INDEX order_items_order ON order_items (order_id, id);
