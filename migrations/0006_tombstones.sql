-- Who deleted a record, why it is gone, and what it was merged into. Null while it is alive, and where nobody can tell.
alter table tickets add column _deleted_by text;
alter table tickets add column _deleted_reason text;
alter table tickets add column _merged_into text;
alter table contacts add column _deleted_by text;
alter table contacts add column _deleted_reason text;
alter table contacts add column _merged_into text;
alter table tasks add column _deleted_by text;
alter table tasks add column _deleted_reason text;
alter table tasks add column _merged_into text;
alter table articles add column _deleted_by text;
alter table articles add column _deleted_reason text;
alter table articles add column _merged_into text;
