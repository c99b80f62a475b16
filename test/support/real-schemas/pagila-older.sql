-- The shape of Pagila 0.10, the sample database of a DVD rental shop, written anew from its documentation: payments are
-- spread over tables that inherit.
-- https://github.com/devrimgunduz/pagila (PostgreSQL licence)

CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS integer CONSTRAINT year_check CHECK (VALUE >= 1901 AND VALUE <= 2155);

CREATE FUNCTION _group_concat(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $_$
  SELECT CASE WHEN $2 IS NULL THEN $1 WHEN $1 IS NULL THEN $2 ELSE $1 || ', ' || $2 END
$_$;
CREATE AGGREGATE group_concat(text) (SFUNC = _group_concat, STYPE = text);

CREATE FUNCTION last_updated() RETURNS trigger LANGUAGE plpgsql AS $_$
BEGIN
  NEW.last_update = CURRENT_TIMESTAMP;
  RETURN NEW;
END $_$;

CREATE SEQUENCE actor_actor_id_seq;
CREATE TABLE actor (
  actor_id integer DEFAULT nextval('actor_actor_id_seq') NOT NULL,
  first_name varchar(45) NOT NULL,
  last_name varchar(45) NOT NULL,
  last_update timestamp DEFAULT now() NOT NULL,
  CONSTRAINT actor_pkey PRIMARY KEY (actor_id)
);
CREATE INDEX idx_actor_last_name ON actor (last_name);

CREATE SEQUENCE category_category_id_seq;
CREATE TABLE category (
  category_id integer DEFAULT nextval('category_category_id_seq') NOT NULL PRIMARY KEY,
  name varchar(25) NOT NULL,
  last_update timestamp DEFAULT now() NOT NULL
);

CREATE SEQUENCE language_language_id_seq;
CREATE TABLE language (
  language_id integer DEFAULT nextval('language_language_id_seq') NOT NULL PRIMARY KEY,
  name character(20) NOT NULL,
  last_update timestamp DEFAULT now() NOT NULL
);

CREATE SEQUENCE film_film_id_seq;
CREATE TABLE film (
  film_id integer DEFAULT nextval('film_film_id_seq') NOT NULL PRIMARY KEY,
  title varchar(255) NOT NULL,
  description text,
  release_year year,
  language_id smallint NOT NULL REFERENCES language ON UPDATE CASCADE ON DELETE RESTRICT,
  original_language_id smallint REFERENCES language ON UPDATE CASCADE ON DELETE RESTRICT,
  rental_duration smallint DEFAULT 3 NOT NULL,
  rental_rate numeric(4,2) DEFAULT 4.99 NOT NULL,
  length smallint,
  replacement_cost numeric(5,2) DEFAULT 19.99 NOT NULL,
  rating mpaa_rating DEFAULT 'G',
  last_update timestamp DEFAULT now() NOT NULL,
  special_features text[],
  fulltext tsvector NOT NULL
);
CREATE INDEX film_fulltext_idx ON film USING gist (fulltext);
CREATE INDEX idx_title ON film (title);
CREATE INDEX idx_fk_language_id ON film (language_id);
CREATE TRIGGER film_fulltext_trigger BEFORE INSERT OR UPDATE ON film FOR EACH ROW
  EXECUTE FUNCTION tsvector_update_trigger('fulltext', 'pg_catalog.english', 'title', 'description');

CREATE TABLE film_actor (
  actor_id smallint NOT NULL REFERENCES actor ON UPDATE CASCADE ON DELETE RESTRICT,
  film_id smallint NOT NULL REFERENCES film ON UPDATE CASCADE ON DELETE RESTRICT,
  last_update timestamp DEFAULT now() NOT NULL,
  PRIMARY KEY (actor_id, film_id)
);
CREATE TABLE film_category (
  film_id smallint NOT NULL REFERENCES film ON UPDATE CASCADE ON DELETE RESTRICT,
  category_id smallint NOT NULL REFERENCES category ON UPDATE CASCADE ON DELETE RESTRICT,
  last_update timestamp DEFAULT now() NOT NULL,
  PRIMARY KEY (film_id, category_id)
);

CREATE SEQUENCE customer_customer_id_seq;
CREATE TABLE customer (
  customer_id integer DEFAULT nextval('customer_customer_id_seq') NOT NULL PRIMARY KEY,
  store_id smallint NOT NULL,
  first_name varchar(45) NOT NULL,
  last_name varchar(45) NOT NULL,
  email varchar(50),
  activebool boolean DEFAULT true NOT NULL,
  create_date date DEFAULT ('now'::text)::date NOT NULL,
  last_update timestamp DEFAULT now(),
  active integer
);
CREATE INDEX idx_last_name ON customer (last_name);

CREATE SEQUENCE payment_payment_id_seq;
CREATE TABLE payment (
  payment_id integer DEFAULT nextval('payment_payment_id_seq') NOT NULL PRIMARY KEY,
  customer_id smallint NOT NULL REFERENCES customer ON UPDATE CASCADE ON DELETE RESTRICT,
  amount numeric(5,2) NOT NULL,
  payment_date timestamp NOT NULL
);
CREATE TABLE payment_p2007_01 (
  CONSTRAINT payment_p2007_01_payment_date_check
    CHECK (payment_date >= '2007-01-01' AND payment_date < '2007-02-01')
) INHERITS (payment);
CREATE TABLE payment_p2007_02 (
  CONSTRAINT payment_p2007_02_payment_date_check
    CHECK (payment_date >= '2007-02-01' AND payment_date < '2007-03-01')
) INHERITS (payment);
CREATE INDEX idx_fk_payment_p2007_01_customer_id ON payment_p2007_01 (customer_id);
CREATE RULE payment_insert_p2007_01 AS ON INSERT TO payment
  WHERE (NEW.payment_date >= '2007-01-01' AND NEW.payment_date < '2007-02-01') DO INSTEAD
  INSERT INTO payment_p2007_01 (payment_id, customer_id, amount, payment_date)
  VALUES (DEFAULT, NEW.customer_id, NEW.amount, NEW.payment_date);
CREATE RULE payment_insert_p2007_02 AS ON INSERT TO payment
  WHERE (NEW.payment_date >= '2007-02-01' AND NEW.payment_date < '2007-03-01') DO INSTEAD
  INSERT INTO payment_p2007_02 (payment_id, customer_id, amount, payment_date)
  VALUES (DEFAULT, NEW.customer_id, NEW.amount, NEW.payment_date);

CREATE TRIGGER last_updated BEFORE UPDATE ON actor FOR EACH ROW EXECUTE FUNCTION last_updated();
CREATE TRIGGER last_updated BEFORE UPDATE ON film FOR EACH ROW EXECUTE FUNCTION last_updated();
CREATE TRIGGER last_updated BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION last_updated();

CREATE VIEW actor_info AS
  SELECT a.actor_id, a.first_name, a.last_name,
         group_concat(DISTINCT (c.name)::text || ': ' || (SELECT group_concat(f.title::text) FROM film f
           JOIN film_category fc1 ON f.film_id = fc1.film_id JOIN film_actor fa1 ON f.film_id = fa1.film_id
          WHERE fc1.category_id = c.category_id AND fa1.actor_id = a.actor_id)) AS film_info
    FROM actor a
    LEFT JOIN film_actor fa ON a.actor_id = fa.actor_id
    LEFT JOIN film_category fc ON fa.film_id = fc.film_id
    LEFT JOIN category c ON fc.category_id = c.category_id
   GROUP BY a.actor_id, a.first_name, a.last_name;
CREATE VIEW customer_list AS
  SELECT cu.customer_id AS id, cu.first_name || ' ' || cu.last_name AS name,
         CASE WHEN cu.activebool THEN 'active' ELSE '' END AS notes, cu.store_id AS sid FROM customer cu;
CREATE VIEW payments_by_customer AS
  SELECT c.*, l.name AS list_name, (SELECT sum(p.amount) FROM payment p WHERE p.customer_id = c.customer_id) AS paid
    FROM customer c JOIN customer_list l ON l.id = c.customer_id;

CREATE FUNCTION get_customer_balance(p_customer_id integer, p_effective_date timestamptz) RETURNS numeric
  LANGUAGE plpgsql AS $_$
DECLARE
  v_payments numeric(5,2);
BEGIN
  SELECT coalesce(sum(amount), 0) INTO v_payments FROM payment
   WHERE payment_date <= p_effective_date AND customer_id = p_customer_id;
  RETURN -v_payments;
END $_$;
CREATE FUNCTION rewards_report(min_monthly_purchases integer, min_dollar_amount_purchased numeric)
  RETURNS SETOF customer LANGUAGE plpgsql SECURITY DEFINER AS $_$
BEGIN
  RETURN QUERY SELECT c.* FROM customer c WHERE active = 1;
END $_$;
