using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.VectorData.ProviderServices;

namespace Heed.Extensions.AI;

/// <summary>What records may be made of: a text, number or Guid as key, one vector, texts, numbers, flags and lists of texts as
/// data.</summary>
internal sealed class SearchIndexModelBuilder() : CollectionModelBuilder(new CollectionModelBuildingOptions
{
    SupportsMultipleVectors = false,
    RequiresAtLeastOneVector = true,
})
{
    private static readonly Type[] Keys = [typeof(string), typeof(int), typeof(long), typeof(Guid), typeof(object)];

    private static readonly Type[] Values = [typeof(string), typeof(bool), typeof(int), typeof(long), typeof(float), typeof(double),
        typeof(string[]), typeof(List<string>)];

    /// <inheritdoc/>
    protected override bool SupportsKeyAutoGeneration(Type keyPropertyType) => false;

    /// <inheritdoc/>
    protected override void ValidateKeyProperty(KeyPropertyModel keyProperty)
    {
        if (!Keys.Contains(keyProperty.Type))
            throw new NotSupportedException($"{keyProperty.ModelName}: is a key of type {keyProperty.Type.Name}; string, int, long and "
                + "Guid can be one.");
    }

    /// <inheritdoc/>
    protected override bool IsDataPropertyTypeValid(Type type, [NotNullWhen(false)] out string? supportedTypes)
    {
        supportedTypes = "string, bool, int, long, float, double, string[], List<string>";
        return Values.Contains(Nullable.GetUnderlyingType(type) ?? type);
    }

    /// <inheritdoc/>
    protected override bool IsVectorPropertyTypeValid(Type type, [NotNullWhen(false)] out string? supportedTypes)
    {
        supportedTypes = "ReadOnlyMemory<float>, Embedding<float>, float[]";
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(ReadOnlyMemory<float>) || type == typeof(Embedding<float>) || type == typeof(float[]);
    }
}
