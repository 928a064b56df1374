-- What `demand ingest` records of a local load: a fingerprint of the files behind the raw tables, by name and content.
create or replace table identifier(:catalog || '.raw_m5.ingest_log') as
select
    sha2(array_join(sort_array(collect_list(concat(split_part(path, '/', -1), ' ', sha2(content, 256)))), '\n'), 256)
        as fingerprint,
    '' as stores,
    current_timestamp() as loaded_at
from read_files(:folder, format => 'binaryFile', fileNamePattern => '*.csv')
