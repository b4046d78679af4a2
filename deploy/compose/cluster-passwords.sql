-- The roles of a Supabase project get their password when its database is made.
\getenv password POSTGRES_PASSWORD
alter user authenticator with password :'password';
alter user supabase_auth_admin with password :'password';
alter user supabase_storage_admin with password :'password';
