-- Run once, by the superuser, when the Admin DB's server is made: a login for each process, a member of the role that the
-- migrations give rights to, and the databases. Passwords come from the environment and stand nowhere else.
\getenv api ALTA_API_DB_PASSWORD
\getenv relay ALTA_RELAY_DB_PASSWORD
\getenv worker ALTA_WORKER_DB_PASSWORD
\getenv operator ALTA_OPERATOR_DB_PASSWORD
\getenv migrator ALTA_MIGRATOR_DB_PASSWORD
\getenv temporal TEMPORAL_DB_PASSWORD

create role alta_intake nologin;
create role alta_relay nologin;
create role alta_worker nologin;
create role alta_operator nologin;
create role alta_keeper nologin;
create role alta_storefront nologin;
create role alta_migrator nologin;

create role alta_api_login login password :'api' in role alta_intake;
create role alta_relay_login login password :'relay' in role alta_relay;
create role alta_worker_login login password :'worker' in role alta_worker;
create role alta_operator_login login password :'operator' in role alta_operator, alta_keeper;
create role alta_migrator_login login createrole password :'migrator';
-- Who migrates hands out the rights of every role.
grant alta_intake, alta_relay, alta_worker, alta_operator, alta_keeper, alta_storefront, alta_migrator to alta_migrator_login with admin option;
create role temporal login password :'temporal';

create database alta_admin owner alta_migrator_login;
create database temporal owner temporal;
create database temporal_visibility owner temporal;
revoke connect on database alta_admin, temporal, temporal_visibility from public;
grant connect on database alta_admin to alta_intake, alta_relay, alta_worker, alta_operator, alta_keeper, alta_storefront, alta_migrator;
