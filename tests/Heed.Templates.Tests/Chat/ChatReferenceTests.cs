using System.Text.Json;
using Heed.Testing;

namespace Heed.Templates.Tests.Chat;

/// <summary>Templates and conversations with which the reference is known to do something particular: docs/reference-behaviour.md lists
/// them.</summary>
public sealed class ChatReferenceTests : IDisposable
{
    private const string Messages = """[{"role": "user", "content": "Hi"}]""";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("\"one\"", null, false, "one")]
    [InlineData("\"\"", null, false, "")]
    [InlineData("""[{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]""", null, false, "d")]
    [InlineData("""[{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]""", null, true, "t")]
    [InlineData("""{"default": "d", "tool_use": "t", "rag": "r"}""", "rag", false, "r")]
    [InlineData("""{"default": "d"}""", null, true, "d")]
    [InlineData("""{"a": "1", "b": "2"}""", null, false, null)]
    [InlineData("""{"a": "1"}""", null, false, null)]
    [InlineData("null", null, false, null)]
    public void A_template_is_chosen_by_its_name_the_default_or_that_for_tools(string config, string? name, bool tools, string? expected)
    {
        Write("tokenizer_config.json", $$"""{"chat_template": {{config}}}""");
        ChatTemplates templates = ChatTemplates.FromFolder(_folder.Path);
        if (expected is null) Assert.Contains("chat template", Assert.Throws<UsageException>(() => templates.Choose(name, tools)).Message, StringComparison.Ordinal);
        else Assert.Equal(expected, templates.Choose(name, tools).Source);
    }

    [Fact]
    public void Files_of_templates_win_and_the_old_json_file_is_not_read()
    {
        Write("chat_template.json", """{"chat_template": "json"}""");
        Assert.Throws<UsageException>(() => ChatTemplates.FromFolder(_folder.Path).Choose());
        Write("tokenizer_config.json", """{"chat_template": "config"}""");
        Assert.Equal("config", ChatTemplates.FromFolder(_folder.Path).Choose().Source);
        Write("chat_template.jinja", "file");
        Assert.Equal("file", ChatTemplates.FromFolder(_folder.Path).Choose().Source);
    }

    [Theory]
    [InlineData("{{ 1", "unexpected end of template, expected 'end of print statement'")]
    [InlineData("{% set x", "unexpected end of template")]
    [InlineData("{% if x %}", "'endif'")]
    [InlineData("{{ 1 } }}", "unexpected '}'")]
    [InlineData("{% endif %}", "Encountered unknown tag 'endif'.")]
    [InlineData("{% raw %}x", "Missing end of raw directive")]
    [InlineData("{{ missing.name }}", "'missing' is undefined")]
    [InlineData("{% set x = [] %}{{ x.append(1) }}", "append")]
    [InlineData("{{ ''.__class__.__mro__ }}", "__class__")]
    [InlineData("{% include 'x' %}", "include")]
    [InlineData("{% import 'x' as y %}", "import")]
    public void An_error_is_told_in_the_references_words(string template, string reason)
        => Assert.Contains(reason, Assert.Throws<ChatTemplateException>(() => Render(template)).Reason, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ missing }}|{{ messages[0].nothing }}|{{ messages[9] }}|{{ ''.__class__ }}|", "||||")]
    [InlineData("{% for i in [1, 2, 3] %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% break %}{% endfor %}", "2")]
    [InlineData("{{ {'a': 'é<'} | tojson }}", """{"a": "é<"}""")]
    [InlineData("a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc")]
    [InlineData("{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ bos_token is defined }}", "TrueTrueFalseFalse")]
    [InlineData("{{ strftime_now('%Y') | length }}", "4")]
    public void A_template_sees_and_gives_what_it_does_in_the_reference(string template, string expected) => Assert.Equal(expected, Render(template));

    [Fact]
    public void A_conversation_without_messages_is_refused()
        => Assert.Contains("at least one message", Assert.Throws<ChatTemplateException>(() => Render("x", "[]")).Message, StringComparison.Ordinal);

    [Fact]
    public void Tools_are_objects()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ tools[0].name }}", "t");
        Assert.Equal("find", template.Render(new ChatRequest { Messages = Json(Messages), Tools = Json("""[{"name": "find"}]""") }).Text);
        Assert.Contains("tools[0]", Assert.Throws<ChatTemplateException>(() => template.Render(new ChatRequest { Messages = Json(Messages), Tools = Json("""["find"]""") })).Message, StringComparison.Ordinal);
        Assert.Contains("tools", Assert.Throws<ChatTemplateException>(() => template.Render(new ChatRequest { Messages = Json(Messages), Tools = Json("\"find\"") })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_that_is_continued_ends_the_text()
    {
        ChatTemplate template = ChatTemplate.Parse("{% for m in messages %}<{{ m.content }}>{% endfor %}", "t");
        ChatRequest request = new() { Messages = Json("""[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "So"}]"""), ContinueFinalMessage = true };
        Assert.Equal("<Hi><So", template.Render(request).Text);
        request = new() { Messages = request.Messages, ContinueFinalMessage = true, AddGenerationPrompt = true };
        Assert.Contains("add_generation_prompt", Assert.Throws<ChatTemplateException>(() => template.Render(request)).Message, StringComparison.Ordinal);
    }

    private static string Render(string template, string messages = Messages)
        => ChatTemplate.Parse(template, "t").Render(new ChatRequest { Messages = Json(messages) }).Text;

    private static JsonElement Json(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private void Write(string file, string text) => File.WriteAllText(_folder.File(file), text);
}
