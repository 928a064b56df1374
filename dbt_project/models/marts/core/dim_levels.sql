with levels as (

    select
        level,
        level_name,
        same_as
    from {{ source_model('levels') }}

)

select * from levels
