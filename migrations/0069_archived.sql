-- Counted within the index: without the time of deletion each archived row was looked up in the table for it.
drop index tickets_is_archived;
create index tickets_is_archived on tickets (created_time, _deleted_at) where is_archived;
