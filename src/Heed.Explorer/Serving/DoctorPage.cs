namespace Heed.Explorer.Serving;

/// <summary>The page of the doctor's rules, <c>docs/doctor.md</c>, as it stands in the repository: one text for both.</summary>
internal static class DoctorPage
{
    private const string Resource = "doctor.md";

    /// <summary>The page.</summary>
    public static string Text { get; } = Read();

    private static string Read()
    {
        using Stream stream = typeof(DoctorPage).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The resource {Resource} is not in this assembly.");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
