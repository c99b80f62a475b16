-- A migration that drops what it should have renamed.
ALTER TABLE customers DROP COLUMN email;
ALTER TABLE customers ADD COLUMN mail text;
