"""What the services share: the story itself (pure), the bus, the database, the store, the providers' doors."""
