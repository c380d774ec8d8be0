-- Other invoices than `orders.invoice_id` that lines of an order stand on: they were split off.
CREATE TABLE order_invoices (
    order_id BIGINT NOT NULL REFERENCES orders (id),
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    PRIMARY KEY (order_id, invoice_id)
);
CREATE INDEX order_invoices_invoice ON order_invoices (invoice_id);

-- What a service took from the stock of its product. It goes back when the service is called off before it was set up.
CREATE TABLE taken_stock (
    service_id BIGINT PRIMARY KEY REFERENCES services (id),
    product_id BIGINT NOT NULL REFERENCES products (id),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    returned BOOLEAN NOT NULL
);
CREATE INDEX taken_stock_product ON taken_stock (product_id);
INSERT INTO taken_stock (service_id, product_id, quantity, returned)
    SELECT s.id, s.product_id, s.quantity, FALSE FROM services s JOIN products p ON p.id = s.product_id
    WHERE s.status = 'pending' AND p.stock_control;
