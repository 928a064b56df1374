{%- set flags = columns_with_prefix(source('m5', 'calendar'), 'snap_') %}

with source as (

    select * from {{ source('m5', 'calendar') }}

),

flags as (

    {{ unpivot_columns('source', flags, 'snap_', keys=['date'], label='region_id', value='regional_flag') }}

),

renamed as (

    select
        cast(date as date) as date,
        cast(region_id as {{ type_text() }}) as region_id,
        cast(regional_flag as integer) as regional_flag
    from flags

)

select * from renamed
