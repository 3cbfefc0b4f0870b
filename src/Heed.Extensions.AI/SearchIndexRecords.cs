using System.Globalization;
using Heed.Retrieval;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData.ProviderServices;

namespace Heed.Extensions.AI;

/// <summary>Records as documents of an index and back: data properties are metadata, texts the text, the vector the vector.</summary>
/// <param name="model">The properties.</param>
internal sealed class SearchIndexRecords(CollectionModel model)
{
    /// <summary>Where metadata keep the key in its own type.</summary>
    private const string KeyField = "key";

    private readonly DataPropertyModel[] _texts = model.DataProperties.Any(p => p.IsFullTextIndexed)
        ? [.. model.DataProperties.Where(p => p.IsFullTextIndexed)] : [.. model.DataProperties.Where(p => p.Type == typeof(string))];

    /// <summary>A key as an index has it.</summary>
    public static string Key(object key) => Convert.ToString(key, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text
        : throw new ArgumentException("The key is empty.", nameof(key));

    /// <summary>A record as a document.</summary>
    /// <param name="record">The record.</param>
    /// <param name="vector">Its vector.</param>
    public SearchDocument Document(object record, ReadOnlyMemory<float> vector)
    {
        object key = model.KeyProperty.GetValueAsObject(record) ?? throw new ArgumentException("A record has no key.", nameof(record));
        Dictionary<string, object> metadata = new(StringComparer.Ordinal) { [KeyField] = key is Guid ? Key(key) : key };
        foreach (DataPropertyModel property in model.DataProperties)
            if (property.GetValueAsObject(record) is { } value) metadata["data." + property.StorageName] = value;
        return new SearchDocument
        {
            Key = Key(key),
            Text = string.Join('\n', _texts.Select(t => t.GetValueAsObject(record)).SelectMany(v => v as IEnumerable<string>
                ?? [v as string ?? ""])
                .Where(t => t.Length > 0)),
            Metadata = metadata,
            Vector = vector,
        };
    }

    /// <summary>A record of its document's fields.</summary>
    /// <param name="metadata">The fields.</param>
    /// <param name="vector">The vector, if it is asked for.</param>
    public TRecord Record<TRecord>(IReadOnlyDictionary<string, object> metadata, float[]? vector)
        where TRecord : class
    {
        TRecord record = model.CreateRecord<TRecord>()!;
        model.KeyProperty.SetValueAsObject(record, Typed(metadata[KeyField], model.KeyProperty.Type));
        foreach (DataPropertyModel property in model.DataProperties)
        {
            if (metadata.TryGetValue("data." + property.StorageName, out object? value))
                property.SetValueAsObject(record, Typed(value, property.Type));
            else if (property.IsNullable) property.SetValueAsObject(record, null);
        }

        if (vector is not null && Vector(vector, model.VectorProperty.Type) is { } typed) model.VectorProperty.SetValueAsObject(record,
            typed);
        return record;
    }

    /// <summary>A vector in one of its types; null for what is none, such as a text that is embedded.</summary>
    public static ReadOnlyMemory<float>? Vector(object? value) => value switch
    {
        ReadOnlyMemory<float> memory => memory,
        float[] array => new ReadOnlyMemory<float>(array),
        Embedding<float> embedding => embedding.Vector,
        _ => default(ReadOnlyMemory<float>?),
    };

    private static object? Vector(float[] vector, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(ReadOnlyMemory<float>) ? new ReadOnlyMemory<float>(vector)
            : type == typeof(Embedding<float>) ? new Embedding<float>(vector) : type == typeof(float[]) ? vector : null;
    }

    private static object Typed(object value, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(Guid)) return Guid.Parse((string)value);
        if (type == typeof(string[])) return ((object[])value).Cast<string>().ToArray();
        if (type == typeof(List<string>)) return ((object[])value).Cast<string>().ToList();
        return type == typeof(object) || type.IsInstanceOfType(value) ? value
            : Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
    }
}
