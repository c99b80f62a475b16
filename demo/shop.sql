-- A small shop: some hundred thousand rows, with keys, indexes, a view and a trigger.
CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  city text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE products (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  price numeric(10, 2) NOT NULL CHECK (price > 0)
);
CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped', 'returned');
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers,
  state order_state NOT NULL,
  ordered_at timestamptz NOT NULL
);
CREATE TABLE order_items (
  order_id bigint NOT NULL REFERENCES orders,
  product_id bigint NOT NULL REFERENCES products,
  quantity int NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (order_id, product_id)
);

INSERT INTO customers (name, email, city)
SELECT 'Customer ' || n, 'customer' || n || '@example.com',
       (ARRAY['Lisbon', 'Lagos', 'Lima', 'Lyon', 'Łódź'])[1 + n % 5]
  FROM generate_series(1, 40000) n;
INSERT INTO products (name, price)
SELECT 'Product ' || n, 1 + (n * 37 % 9900) / 100.0 FROM generate_series(1, 1000) n;
INSERT INTO orders (customer_id, state, ordered_at)
SELECT 1 + (n * 7919) % 40000, (ARRAY['new', 'paid', 'shipped', 'returned'])[1 + n % 4]::order_state,
       timestamptz '2026-01-01' + n * interval '3 minutes'
  FROM generate_series(1, 120000) n;
INSERT INTO order_items
SELECT o, 1 + (o * 31 + i * 17) % 1000, 1 + (o + i) % 5
  FROM generate_series(1, 120000) o, generate_series(1, 2 + (o % 2)) i;

CREATE INDEX ON orders (customer_id);
CREATE INDEX ON order_items (product_id);
CREATE VIEW revenue AS
  SELECT p.id, p.name, sum(i.quantity * p.price) AS total
    FROM products p JOIN order_items i ON i.product_id = p.id GROUP BY p.id;
ANALYZE;
