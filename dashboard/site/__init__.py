"""What every page shares: sessions, guard, forms, rendering."""
