-- Orders that still waited when lines of their invoice were split off, before `order_invoices` knew of it.
INSERT INTO order_invoices (order_id, invoice_id)
    SELECT o.id, i.id FROM invoices i
    JOIN invoice_lines l ON l.invoice_id = i.id AND l.owner_kind = 'service'
    JOIN services s ON s.id = l.owner_id
    JOIN orders o ON o.id = s.order_id AND o.status = 'pending' AND o.invoice_id <> i.id
    WHERE i.source = 'split'
    UNION SELECT o.id, i.id FROM invoices i
    JOIN invoice_lines l ON l.invoice_id = i.id AND l.owner_kind = 'addon'
    JOIN service_addons a ON a.id = l.owner_id
    JOIN orders o ON o.id = a.order_id AND o.status = 'pending' AND o.invoice_id <> i.id
    WHERE i.source = 'split'
    ON CONFLICT DO NOTHING;
