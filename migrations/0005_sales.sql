CREATE TABLE orders (
    id {id},
    number TEXT NOT NULL UNIQUE,
    client_id BIGINT NOT NULL REFERENCES clients (id),
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'cancelled', 'fraud')),
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    invoice_id BIGINT REFERENCES invoices (id),
    ip TEXT NOT NULL,
    notes TEXT NOT NULL,
    ordered_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX orders_client ON orders (client_id, id);
CREATE INDEX orders_status ON orders (status, id);

-- The order as it was placed: later changes of the catalogue do not touch it.
CREATE TABLE order_items (
    id {id},
    order_id BIGINT NOT NULL REFERENCES orders (id),
    kind TEXT NOT NULL,
    service_id BIGINT REFERENCES services (id),
    service_addon_id BIGINT REFERENCES service_addons (id),
    description TEXT NOT NULL,
    cycle TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    setup BIGINT NOT NULL,
    first_amount BIGINT NOT NULL,
    recurring_amount BIGINT NOT NULL
);
CREATE INDEX order_items_order ON order_items (order_id, id);
