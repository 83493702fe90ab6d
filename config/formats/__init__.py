"""How pages made by Django write times, by language."""
